"""Which call a tool's result belongs to: by proof only, as the other call may be a stranger's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel import observe
from pulse_otel.instrumentation.recorder import recorders
from pulse_otel.instrumentation.tool_evidence import is_random
from pulse_otel.local.provider.replies import ToolCall, chat, chat_stream, message
from tests.conftest import KEY, Clients
from tests.samplers import Switched

QUESTION = [
    {"role": "system", "content": "You are a bank."},
    {"role": "user", "content": "What is my balance?"},
]
TOOLS: Any = [{"type": "function", "function": {"name": "get_balance", "parameters": {}}}]
NUMBERED = ToolCall("get_balance", {}, "functions.get_balance:0")
UUID = ToolCall("get_balance", {}, "call_0_98e62c8e-d4f3-43dc-9f2b-57b5e7b4d6f8")


class Bank:
    """A program: its messages come back from a database, so no object of an answer does."""

    def __init__(self, provider: Any, clients: Clients) -> None:
        self.memory, self.sampler = InMemorySpanExporter(), Switched()
        tracer_provider = TracerProvider(shutdown_on_exit=False, sampler=self.sampler)
        tracer_provider.add_span_processor(SimpleSpanProcessor(self.memory))
        self.tracer = tracer_provider.get_tracer("app")
        pulse_otel.init_pulse(
            api_key=KEY, api_url="http://127.0.0.1:9", tracer_provider=tracer_provider
        )
        self.provider, self.streams = provider, list[Any]()
        self.observed, self.elsewhere = observe(clients.openai(), "openai"), clients.openai()

    def ask(self, *calls: ToolCall, client: Any = None, **extra: Any) -> Any:
        self.provider.enqueue(chat(text=None, tool_calls=calls))
        create = (client or self.observed).chat.completions.create
        answer = create(model="k2", messages=QUESTION, tools=TOOLS, **extra)
        return json.loads(answer.choices[0].message.model_dump_json(exclude_none=True))

    def bring(self, asked: Any, *results: str, then: Any = (), **extra: Any) -> None:
        calls = asked["tool_calls"]
        turns = [
            {"role": "tool", "tool_call_id": call["id"], "content": result}
            for call, result in zip(calls, results, strict=True)
        ]
        self.provider.enqueue(chat("Thank you."))
        self.observed.chat.completions.create(
            model="k2", messages=[*QUESTION, asked, *turns, *then], tools=TOOLS, **extra
        )

    def spans(self, start: str) -> list[ReadableSpan]:
        return [s for s in self.memory.get_finished_spans() if s.name.startswith(start)]

    def traces(self) -> list[int]:
        return [span.context.trace_id for span in self.spans("chat")]


@pytest.fixture
def bank(provider: Any, clients: Clients) -> Iterator[Bank]:
    bank = Bank(provider, clients)
    yield bank
    for stream in bank.streams:
        stream.close()
    pulse_otel.shutdown(0)


def not_sampled(bank: Bank) -> Any:
    bank.sampler.on = False
    asked = bank.ask(NUMBERED)
    bank.sampler.on = True
    return asked


def by_another_process(bank: Bank) -> Any:
    return bank.ask(NUMBERED, client=bank.elsewhere)


def still_streaming(bank: Bank) -> Any:
    """The program leaves the stream at the finish reason, and keeps it."""
    bank.provider.enqueue(chat_stream(text=None, tool_calls=[NUMBERED], include_usage=True))
    stream = bank.observed.chat.completions.create(
        model="k2",
        messages=QUESTION,
        tools=TOOLS,
        stream=True,
        stream_options={"include_usage": True},
    )
    next(chunk for chunk in stream if chunk.choices[0].finish_reason)
    bank.streams.append(stream)
    function = {"name": "get_balance", "arguments": "{}"}
    call = {"id": NUMBERED.id, "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("unknown", [not_sampled, by_another_process, still_streaming])
def test_a_result_never_joins_the_call_of_a_user_who_asked_the_same(
    unknown: Callable[[Bank], Any], answered: bool, bank: Bank
) -> None:
    """A's call is remembered, B's is not; the messages and the id are equal."""
    of_a = bank.ask(NUMBERED)
    if answered:
        bank.bring(of_a, "A: 10 EUR")
    of_b = unknown(bank)
    bank.bring(of_b, "B: 99999 EUR")

    *_, trace_of_b = traces = bank.traces()
    assert traces.count(trace_of_b) == 1
    assert [span for span in bank.spans("execute_tool") if "99999" in str(span.attributes)] == []


@pytest.mark.parametrize("content", [True, False])
@pytest.mark.parametrize("labels", [{"pulse_session_id": "s-1"}, {"pulse_user_id": "ann"}])
def test_a_numbered_id_counts_within_a_session_or_a_user(
    labels: dict[str, str], content: bool, bank: Bank
) -> None:
    assert recorders.observed is not None
    recorders.observed = recorders.observed.with_options({"capture_content": content})
    asked = bank.ask(NUMBERED, **labels)
    bank.bring(asked, "10 EUR", **labels)

    (tool,) = bank.spans("execute_tool")
    assert bank.traces() == [tool.context.trace_id] * 2


def test_two_equal_conversations_of_a_session_keep_their_tools(bank: Bank) -> None:
    """Whichever of the two the result belongs to, no evidence tells."""
    with pulse_otel.session("s1"):
        bank.ask(NUMBERED)
        bank.bring(bank.ask(NUMBERED), "100")

    assert len(set(bank.traces())) == 3
    assert bank.spans("execute_tool") == []


def test_a_numbered_id_counts_within_the_trace_of_a_span_of_the_program(bank: Bank) -> None:
    with bank.tracer.start_as_current_span("turn of A"):
        bank.ask(NUMBERED)
        with bank.tracer.start_as_current_span("deeper"):
            asked = bank.ask(UUID)
        bank.bring(asked, "10 EUR")
    with bank.tracer.start_as_current_span("turn of B"):
        of_b = bank.ask(NUMBERED)
        bank.bring(of_b, "20 EUR")

    of_uuid, of_number = bank.spans("execute_tool")
    assert "10 EUR" in str(of_uuid.attributes)
    assert "20 EUR" in str(of_number.attributes)
    traces = bank.traces()
    assert traces[:3] == [of_uuid.context.trace_id] * 3
    assert traces[3:] == [of_number.context.trace_id] * 2


def test_an_id_whose_object_comes_back_counts_though_others_have_the_same(
    provider: Any, bank: Bank
) -> None:
    """The usual loop: the program appends the message that the SDK gave it."""

    def ask() -> Any:
        provider.enqueue(chat(text=None, tool_calls=[NUMBERED]))
        create = bank.observed.chat.completions.create
        return create(model="k2", messages=QUESTION, tools=TOOLS).choices[0].message

    asked = [ask(), ask()]
    for message_of, balance in zip(asked, ("A: 10 EUR", "B: 20 EUR"), strict=True):
        result = {
            "role": "tool",
            "tool_call_id": message_of.tool_calls[0].id,
            "content": balance,
        }
        provider.enqueue(chat("Thank you."))
        bank.observed.chat.completions.create(
            model="k2", messages=[*QUESTION, message_of, result], tools=TOOLS
        )

    of_a, of_b = bank.spans("execute_tool")
    assert ["A: 10" in str(of_a.attributes), "B: 20" in str(of_b.attributes)] == [True, True]
    traces = bank.traces()
    assert traces == [of_a.context.trace_id, of_b.context.trace_id] * 2
    assert len(set(traces)) == 2


def test_a_random_id_counts_by_itself_also_before_a_message_of_the_user(bank: Bank) -> None:
    """A tool took a picture, which the program shows in a message of its own."""
    url = {"url": "https://example.com/picture.png"}
    picture = {"role": "user", "content": [{"type": "image_url", "image_url": url}]}
    bank.bring(bank.ask(UUID), "taken", then=[picture, {"role": "user", "content": None}])

    (tool,) = bank.spans("execute_tool")
    assert bank.traces() == [tool.context.trace_id] * 2


def test_a_result_of_anthropic_counts_before_a_message_of_the_user(
    provider: Any, clients: Clients, bank: Bank
) -> None:
    claude = observe(clients.anthropic(), "anthropic")
    request: dict[str, Any] = {"model": "claude-haiku-4-5", "max_tokens": 50}
    provider.enqueue(message(text=None, tool_calls=[UUID]))
    tools: Any = [{"name": "get_balance", "input_schema": {"type": "object"}}]
    answer = claude.messages.create(**request, messages=QUESTION[1:], tools=tools)
    result = {"type": "tool_result", "tool_use_id": UUID.id, "content": "10 EUR"}
    turns = [
        {"role": "assistant", "content": answer.model_dump()["content"]},
        {"role": "user", "content": [result]},
        {"role": "user", "content": "Hurry up."},
    ]
    claude.messages.create(**request, messages=[*QUESTION[1:], *turns], tools=tools)

    (tool,) = bank.spans("execute_tool")
    assert bank.traces() == [tool.context.trace_id] * 2


def test_an_answered_call_takes_the_same_result_again_and_no_other(bank: Bank) -> None:
    """The same one comes with a retry; a cache may have given the call to another user, too."""
    asked = bank.ask(UUID)
    for balance in ("10 EUR", "10 EUR", "99999 EUR"):
        bank.bring(asked, balance)

    (tool,) = bank.spans("execute_tool")
    assert "10 EUR" in str(tool.attributes)
    *first, other = bank.traces()
    assert first == [tool.context.trace_id] * 3
    assert other != tool.context.trace_id


@pytest.mark.parametrize("call_id", ["get_balance", UUID.id])
def test_an_id_that_a_turn_has_twice_counts_for_nothing(call_id: str, bank: Bank) -> None:
    """Some servers take the tool's name for an id: whose arguments a result has, nobody knows."""
    calls = [ToolCall("get_balance", {"of": name}, call_id) for name in ("Ann", "Bob")]
    bank.bring(bank.ask(*calls, pulse_session_id="s"), "10", "20", pulse_session_id="s")

    assert bank.spans("execute_tool") == []


@pytest.mark.parametrize(
    ("identifier", "random"),
    [
        ("call_Ab3dEf6hIj9kLm2nOp5qRs8t", True),
        ("toolu_01A09q90qw90lq917835lq9", True),
        ("call_3bd8a7d2-9a3f-4d7e-8f1c-5b2e9c0d1a2f", True),
        ("call_0_98e62c8e-d4f3-43dc-9f2b-57b5e7b4d6f8", True),
        ("chatcmpl-tool-6f3b8c1d0e9a4b7f8d2c5a1e3f9b7d60", True),
        ("resp_68af0c1d2e3b4a5968778695a4b3c2d1e0f9", True),
        ("call_aB1cD2efghijklmno", True),  # seven kinds in turn
        ("call_aB1cDefghijklmnop", False),  # six
        ("functions.convertBase64ToSHA256:0", False),
        ("convertBase64ToSHA256", False),
        ("functions.convertBase64ToSHA256-convertBase64ToSHA256", False),
        ("call_0", False),
        ("call_00000000000000000000000000000012", False),
        ("00000000-0000-0000-0000-00000000001a", False),
        ("20251128T151459Z000001", False),
        ("getTheBalanceOfTheCustomer", False),
    ],
)
def test_numbers_and_names_are_not_random(identifier: str, random: bool) -> None:
    assert is_random(identifier, "convertBase64ToSHA256") is random


def test_an_id_with_the_tools_name_is_no_proof_whatever_the_name_is(bank: Bank) -> None:
    name = "convertBase64ToSHA256"
    call = ToolCall(name, {}, f"functions.{name}:0")
    bank.ask(call)
    bank.bring(bank.ask(call, client=bank.elsewhere), "99999")

    assert bank.spans("execute_tool") == []
    assert len(set(bank.traces())) == 2


def test_a_result_of_an_unknown_call_does_not_hide_the_next(bank: Bank) -> None:
    asked = bank.ask(UUID)
    unknown = {**asked["tool_calls"][0], "id": "call_0_5d3f0a6b-1c2e-4f7a-8b9c-0d1e2f3a4b5c"}
    asked["tool_calls"].insert(0, unknown)

    bank.bring(asked, "of the unknown", "of the known")

    (tool,) = bank.spans("execute_tool")
    assert (tool.attributes or {})["gen_ai.tool.call.id"] == UUID.id
    assert (tool.attributes or {})["gen_ai.tool.call.result"] == '"of the known"'


def test_a_call_that_is_answered_takes_no_other_answer(bank: Bank) -> None:
    asked = bank.ask(UUID)
    for answer in ("1", "2"):
        bank.bring(asked, answer)

    first, second, third = bank.traces()
    assert len(bank.spans("execute_tool")) == 1
    assert first == second != third
