"""`observe`: who is recorded, with which session and metadata, and what the caller gets."""

from __future__ import annotations

import asyncio
import gc
import socket
import warnings
from typing import Any
from unittest import mock

import anthropic
import openai
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel import ObserveOptions, Provider, observe
from pulse_otel.instrumentation.recorder import recorders
from tests.conftest import DEPRECATED, KEY, MESSAGES, Clients, Service

CLAUDE = {"model": "claude-haiku-4-5", "max_tokens": 50, "messages": MESSAGES}
GPT = {"model": "gpt-4o-mini", "messages": MESSAGES}


def test_chat_arrives_with_session_metadata_tokens_and_cost(
    pulse: Service, openai_client: Any
) -> None:
    client = observe(openai_client, Provider.OPENAI)

    answer = client.chat.completions.create(
        **GPT, pulse_session_id="session-123", pulse_metadata={"feature": "chat"}
    )

    assert client is openai_client
    assert isinstance(answer, openai.types.chat.ChatCompletion)
    assert pulse_otel.flush_buffer(10) is True
    (trace,) = pulse.traces(1)
    assert trace["provider"] == "openai"
    assert trace["modelRequested"] == "gpt-4o-mini"
    assert trace["modelUsed"] == answer.model
    assert trace["sessionId"] == "session-123"
    assert trace["metadata"]["feature"] == "chat"
    assert trace["metadata"]["pulse.http_status"] == 200
    assert (trace["inputTokens"], trace["outputTokens"]) == (120, 45)
    assert trace["costCents"] > 0
    assert trace["outputText"] == answer.choices[0].message.content
    assert trace["finishReason"] == "stop"
    assert trace["status"] == "success"
    assert trace["providerRequestId"] == answer.id
    assert trace["requestBody"]["messages"] == MESSAGES
    message = trace["responseBody"]["choices"][0]["message"]
    assert message["content"] == answer.choices[0].message.content


def test_message_arrives_with_the_cache_in_its_tokens(
    pulse: Service, anthropic_client: Any
) -> None:
    observe(anthropic_client, "anthropic", {"session_id": "s", "metadata": {"a": 1}})

    answer = anthropic_client.messages.create(**CLAUDE, system="Be brief.")

    assert isinstance(answer, anthropic.types.Message)
    assert pulse_otel.flush_buffer(10)
    (trace,) = pulse.traces(1)
    assert trace["provider"] == "anthropic"
    assert trace["inputTokens"] == 30 + 10 + 80
    assert trace["sessionId"] == "s"
    assert trace["metadata"]["a"] == 1
    assert trace["requestBody"]["system"] == "Be brief."
    assert trace["responseBody"]["content"][0]["text"] == answer.content[0].text
    assert trace["responseBody"]["stop_reason"] == "end_turn"


def test_per_call_wins_over_the_client_and_extends_its_metadata(
    pulse: Service, openai_client: Any
) -> None:
    observe(openai_client, Provider.OPENAI, ObserveOptions("client", {"a": 1, "b": 1}))

    openai_client.chat.completions.create(
        **GPT, pulse_session_id="call", pulse_metadata={"b": 2, "c": 3}
    )

    pulse_otel.flush_buffer(10)
    (trace,) = pulse.traces(1)
    assert trace["sessionId"] == "call"
    assert {key: trace["metadata"][key] for key in "abc"} == {"a": 1, "b": 2, "c": 3}


def test_parameters_never_reach_the_provider(
    pulse: Service, provider: Any, openai_client: Any
) -> None:
    observe(openai_client, Provider.OPENAI)

    openai_client.chat.completions.create(**GPT, pulse_session_id="s", pulseMetadata={"x": 1})

    (received,) = provider.requests
    assert received.json() == {"model": "gpt-4o-mini", "messages": MESSAGES}
    assert b"pulse" not in received.body


@pytest.mark.parametrize("state", ["disabled", "never initialised"])
def test_parameters_are_stripped_when_nothing_is_recorded(
    state: str, provider: Any, openai_client: Any, anthropic_client: Any
) -> None:
    if state == "disabled":
        pulse_otel.init_pulse({"api_key": "your-key-here"}, enabled=False)
    observe(openai_client, Provider.OPENAI)
    observe(anthropic_client, Provider.ANTHROPIC)

    openai_client.chat.completions.create(**GPT, pulse_session_id="s", pulse_metadata={})
    anthropic_client.messages.create(**CLAUDE, pulse_session_id="s")

    assert len(provider.requests) == 2
    assert pulse_otel.flush_buffer(1) is True


def test_an_observed_client_without_init_pulse_is_warned_about_once(
    provider: Any,
    openai_client: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorders, "initialised", False)
    observe(openai_client, Provider.OPENAI)
    assert caplog.messages == []  # init_pulse may still come

    for _ in range(2):
        openai_client.chat.completions.create(**GPT)

    said = "pulse-otel: an observed client's calls are not recorded: call init_pulse()"
    assert caplog.messages == [said]


def test_metadata_that_is_no_dict_is_told_and_left_out(
    pulse: Service,
    openai_client: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    observe(openai_client, Provider.OPENAI)
    openai_client.chat.completions.create(**GPT, pulse_metadata="chat", pulse_session_id="s")

    pulse_otel.flush_buffer(10)
    assert pulse.traces(1)[0]["sessionId"] == "s"
    assert "pulse-otel: metadata: expected a dict, got str" in caplog.messages


@pytest.mark.parametrize("name", ["session_id", "user_id"])
@pytest.mark.parametrize("way", ["client", "block", "call"])
def test_a_label_that_is_a_dict_is_told_and_left_out(
    way: str,
    name: str,
    spans: InMemorySpanExporter,
    openai_client: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    wrong: Any = {"session_id": "s", "user_id": "u", name: {"id": "a"}}
    given: dict[str, dict[str, Any]] = {"client": {}, "block": {}, "call": {}}
    given[way] = wrong
    client = observe(openai_client, options=given["client"])
    with pulse_otel.session(**given["block"]):
        client.chat.completions.create(**GPT, extra_headers=pulse_otel.call(**given["call"]))

    attributes = dict(spans.get_finished_spans()[0].attributes or {})
    assert [attributes.get("session.id"), attributes.get("user.id")] == (
        [None, "u"] if name == "session_id" else ["s", None]
    )
    assert caplog.messages == [f"pulse-otel: {name}: expected a str, got dict"]


def test_observing_twice_records_once_and_the_last_options_win(
    pulse: Service, openai_client: Any
) -> None:
    observe(openai_client, Provider.OPENAI, {"session_id": "first"})
    observe(openai_client, Provider.OPENAI, {"session_id": "second"})

    openai_client.chat.completions.create(**GPT)

    pulse_otel.flush_buffer(10)
    assert [trace["sessionId"] for trace in pulse.traces(1)] == ["second"]


def test_only_the_observed_client_and_its_copies_are_recorded(
    pulse: Service, provider: Any, clients: Clients, openai_client: Any
) -> None:
    other = clients.openai()
    observe(openai_client, Provider.OPENAI, {"session_id": "observed"})

    other.chat.completions.create(**GPT)
    openai_client.with_options(timeout=5).chat.completions.create(**GPT)
    openai_client.copy().chat.completions.create(**GPT)

    assert len(provider.requests) == 3
    pulse_otel.flush_buffer(10)
    assert {trace["sessionId"] for trace in pulse.traces(2)} == {"observed"}


def test_an_unobserved_client_still_refuses_unknown_parameters(
    provider: Any, clients: Clients, openai_client: Any
) -> None:
    fresh = clients.openai()
    observe(openai_client, Provider.OPENAI)

    with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
        fresh.chat.completions.create(**GPT, nonsense=1)  # type: ignore[call-overload]

    assert provider.requests == []


def test_a_wrong_pair_is_a_type_error_at_observe(openai_client: Any, anthropic_client: Any) -> None:
    with pytest.raises(TypeError, match=r"Provider\.ANTHROPIC takes a client of the 'anthropic'"):
        observe(openai_client, Provider.ANTHROPIC)
    with pytest.raises(TypeError, match="'openai' package"):
        observe(anthropic_client, Provider.OPENAI)
    wrong: Any
    for wrong, said in (
        ({"sesion_id": "s"}, r"unknown options \['sesion_id'\]. Did you mean 'session_id'\?"),
        ({"x": "s"}, r"Valid options: session_id, metadata, user_id\."),
    ):
        with pytest.raises(TypeError, match=said):
            observe(openai_client, Provider.OPENAI, wrong)
    with pytest.raises(ValueError, match="unknown provider 'gemini'"):
        observe(openai_client, "gemini")


def test_a_provider_is_known_in_any_case(openai_client: Any) -> None:
    assert observe(openai_client, "OpenAI") is openai_client


def test_openrouter_is_found_from_the_clients_host(
    pulse: Service, provider: Any, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def loopback(host: Any, *args: Any, **kwargs: Any) -> Any:
        return resolve("127.0.0.1" if host == "openrouter.ai" else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", loopback)
    url = provider.openai_url.replace("127.0.0.1", "openrouter.ai")
    made = clients.openai(base_url=url, default_headers={"Host": "127.0.0.1"})
    client = observe(made, options={"session_id": "s"})

    client.chat.completions.create(**GPT)

    pulse_otel.flush_buffer(10)
    (trace,) = pulse.traces(1)
    assert (trace["provider"], trace["sessionId"]) == ("openrouter", "s")


class Instructor:
    """Stands for the package's own class, by the name of its module."""

    __module__ = "instructor.core.client"


class ChatOpenAI:
    """Stands for a model of LangChain, by the name of its module."""

    __module__ = "langchain_openai.chat_models.base"


def plain_function() -> None:
    """Stands for a function of a user."""


class Own:
    """Stands for a class of a user."""


TRACE = r"it records a client and is no decorator; pulse_otel\.trace"
EVERY = r"init_pulse\(instrument=True\) records every client"
REFUSED: dict[str, tuple[Any, str]] = {
    "a class": (openai.OpenAI, r"got the class OpenAI; make a client of it: observe\(OpenAI\(\)\)"),
    "a module": (openai, rf"got the module openai; give it a client, or {EVERY}"),
    "an instructor client": (Instructor(), r"instructor\.from_openai\(observe\(OpenAI\(\)\)\)"),
    "a model of LangChain": (ChatOpenAI(), EVERY),
    "None": (None, r"got None; give it the client: client = observe\(OpenAI\(\)\)"),
    "a function": (plain_function, rf"got the function plain_function; {TRACE}"),
    "a builtin": (len, rf"got the function len; {TRACE}"),
    "a class that is no client": (Own, rf"got the class Own; {TRACE}"),
    "anything": (3, rf"got builtins\.int; observe the SDK's client, .* or {EVERY}"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_client_is_refused_with_what_to_do(what: str) -> None:
    value, said = REFUSED[what]

    for more in ((), ("openai",)):
        with pytest.raises(TypeError, match=f"^observe: .*{said}"):
            observe(value, *more)


def test_a_resource_of_a_client_is_refused(openai_client: Any) -> None:
    with pytest.raises(TypeError, match="Completions; observe the SDK's client"):
        observe(openai_client.chat.completions)


def test_as_a_decorator_it_names_trace() -> None:
    wrong: Any = observe
    with pytest.raises(TypeError, match=TRACE):

        @wrong
        def bare() -> None: ...

    with pytest.raises(TypeError, match=f"^observe: expected a client; {TRACE}"):

        @wrong()
        def called() -> None: ...

    with pytest.raises(TypeError, match=rf"expected a client \(got as_type, name\); {TRACE}"):

        @wrong(name="handle", as_type="generation")
        async def named() -> None: ...


def test_options_in_the_place_of_a_provider_are_told(openai_client: Any) -> None:
    wrong: Any = observe
    for options in ({"session_id": "s"}, ObserveOptions("s")):
        with pytest.raises(TypeError, match=r"by their name: observe\(client, options=\.\.\.\)"):
            wrong(openai_client, options)
    with pytest.raises(TypeError, match="unexpected session_id"):
        wrong(openai_client, session_id="s")


def test_openrouter_is_named_as_the_provider(pulse: Service, openai_client: Any) -> None:
    observe(openai_client, Provider.OPENROUTER)

    openai_client.chat.completions.create(**GPT)

    pulse_otel.flush_buffer(10)
    assert pulse.traces(1)[0]["provider"] == "openrouter"


def test_async_clients_are_recorded(pulse: Service, provider: Any) -> None:
    async def calls() -> list[str]:
        async with (
            openai.AsyncOpenAI(api_key="k", base_url=provider.openai_url) as gpt,
            anthropic.AsyncAnthropic(api_key="k", base_url=provider.anthropic_url) as claude,
        ):
            observe(gpt, Provider.OPENAI)
            observe(claude, Provider.ANTHROPIC)
            await gpt.chat.completions.create(**GPT, pulse_session_id="a")
            await claude.messages.create(**CLAUDE, pulse_session_id="b")
            stream = await gpt.chat.completions.create(**GPT, stream=True, pulse_session_id="c")
            texts = [chunk.choices[0].delta.content or "" async for chunk in stream]
            events = await claude.messages.create(**CLAUDE, stream=True, pulse_session_id="d")
            return ["".join(texts), *[event.type async for event in events]]

    text, *events = asyncio.run(calls())

    pulse_otel.flush_buffer(10)
    traces = {trace["sessionId"]: trace for trace in pulse.traces(4)}
    assert set(traces) == set("abcd")
    assert traces["c"]["outputText"] == text != ""
    assert traces["d"]["outputTokens"] == 45
    assert events[0] == "message_start"


def test_an_error_is_the_callers_own_and_is_recorded(pulse: Service, openai_client: Any) -> None:
    observe(openai_client, Provider.OPENAI)

    with pytest.raises(openai.NotFoundError):
        openai_client.chat.completions.create(model="no-such-model", messages=MESSAGES)

    pulse_otel.flush_buffer(10)
    (trace,) = pulse.traces(1)
    assert trace["status"] == "error"
    assert trace["error"]["name"] == "openai.NotFoundError"
    assert trace["error"]["status"] == trace["metadata"]["pulse.http_status"] == 404
    assert trace["error"]["code"] == "model_not_found"


def test_a_tool_round_trip_keeps_calls_and_results(pulse: Service, openai_client: Any) -> None:
    observe(openai_client, Provider.OPENAI, {"session_id": "tools"})
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}

    first = openai_client.chat.completions.create(**GPT, tools=[tool])
    call = first.choices[0].message.tool_calls[0]
    history = [
        *MESSAGES,
        first.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": "18 C"},
    ]
    openai_client.chat.completions.create(model="gpt-4o-mini", messages=history, tools=[tool])

    pulse_otel.flush_buffer(10)
    (trace,) = pulse.traces(1)
    asked, tool_use, answered = sorted(trace["spans"], key=lambda span: span["timestamp"])
    assert asked["finishReason"] == "tool_calls"
    shown = asked["metadata"]["pulse.response"]["choices"][0]["message"]["tool_calls"][0]
    assert shown["id"] == call.id
    assert shown["function"]["name"] == "weather"
    request = answered["metadata"]["pulse.request"]
    assert [message["role"] for message in request["messages"]] == ["user", "assistant", "tool"]
    assert request["messages"][2]["content"] == "18 C"
    assert request["tools"][0]["function"]["name"] == "weather"
    assert tool_use["kind"] == "tool_use"
    assert tool_use["parentSpanId"] == answered["parentSpanId"] == asked["spanId"]


@pytest.mark.row("U8")
def test_initialising_again_reconfigures_and_exports_nothing_twice(
    pulse: Service, openai_client: Any
) -> None:
    observe(openai_client, Provider.OPENAI)
    openai_client.chat.completions.create(**GPT)

    pulse_otel.init_pulse({"api_key": KEY, "api_url": pulse.url, "capture_content": False})
    openai_client.chat.completions.create(**GPT)

    pulse_otel.flush_buffer(10)
    texts = [trace.get("outputText") for trace in pulse.traces(2)]
    assert sorted(text is None for text in texts) == [False, True]


def test_an_async_call_that_never_runs_is_as_silent_as_without_us(
    pulse: Service, provider: Any
) -> None:
    """Cancelled before its first step, or closed: no warning, no request, no trace."""

    async def main() -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=provider.openai_url) as gpt:
            observe(gpt, Provider.OPENAI)
            task = asyncio.create_task(gpt.chat.completions.create(**GPT))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            gpt.chat.completions.create(**GPT).close()
            with pytest.raises(TypeError, match="nonsense"):
                gpt.chat.completions.create(**GPT, nonsense=1)  # at the call, as in the SDK

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(main())
        gc.collect()

    assert [str(w.message) for w in caught if w.category is RuntimeWarning] == []
    assert provider.requests == []


def test_a_forgotten_await_warns_by_the_sdks_own_name(pulse: Service, provider: Any) -> None:
    async def main() -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=provider.openai_url) as gpt:
            observe(gpt, Provider.OPENAI)
            gpt.chat.completions.create(**GPT)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(main())
        gc.collect()

    assert [str(w.message) for w in caught if w.category is RuntimeWarning] == [
        "coroutine 'AsyncCompletions.create' was never awaited"
    ]


def test_a_warning_of_the_sdk_names_the_callers_line(anthropic_client: Any) -> None:
    """The SDK counts stack frames to find it; with another line Python would not show it."""
    observe(anthropic_client, Provider.ANTHROPIC)

    with pytest.warns(DeprecationWarning, match=DEPRECATED) as caught:
        anthropic_client.messages.create(**{**CLAUDE, "model": DEPRECATED})

    assert [warning.filename for warning in caught] == [__file__]


def test_raw_wrappers_from_before_take_the_parameters_too(
    pulse: Service, provider: Any, openai_client: Any
) -> None:
    assert openai_client.chat.completions.with_raw_response
    observe(openai_client, Provider.OPENAI)

    openai_client.chat.completions.with_raw_response.create(**GPT, pulse_session_id="raw")

    pulse_otel.flush_buffer(10)
    assert pulse.traces(1)[0]["sessionId"] == "raw"


def test_observing_while_a_method_is_mocked_breaks_nothing(
    pulse: Service, provider: Any, openai_client: Any
) -> None:
    with mock.patch("openai.resources.embeddings.Embeddings.create", return_value="mocked") as fake:
        observe(openai_client, Provider.OPENAI)
        openai_client.embeddings.create(input="x", model="m", pulse_session_id="s")
        fake.assert_called_once_with(input="x", model="m", pulse_session_id="s")
    observe(openai_client, Provider.OPENAI)

    openai_client.embeddings.create(input="x", model="m", pulse_session_id="after")

    pulse_otel.flush_buffer(10)
    assert pulse.traces(1)[0]["sessionId"] == "after"


def test_a_client_that_cannot_be_hashed_is_recorded(pulse: Service, provider: Any) -> None:
    class Own(openai.OpenAI):
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return True

    with Own(api_key="k", base_url=provider.openai_url) as client:
        observe(client, Provider.OPENAI).chat.completions.create(**GPT)

    pulse_otel.flush_buffer(10)
    assert pulse.traces(1)[0]["provider"] == "openai"
