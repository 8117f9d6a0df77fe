"""Many conversations at once, whose tool calls have equal ids: nothing of one gets into another.

Real SDK clients, over a transport in this process: what is generated is the program. Some of its
calls nobody remembers: not sampled, sent by another process, or a stream that is still open.
"""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx2
import openai
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

import pulse_otel
from pulse_otel import observe
from tests.conftest import KEY
from tests.samplers import Switched

TOOL = "convertBase64ToSHA256"
TOOLS: Any = [{"type": "function", "function": {"name": TOOL, "parameters": {}}}]
IDS: dict[str, Callable[[random.Random, int], str]] = {
    "numbered": lambda rng, number: f"call_{number}",
    "with the name": lambda rng, number: f"functions.{TOOL}:{number}",
    "one for all": lambda rng, number: TOOL,
    "hexadecimal": lambda rng, number: f"call_{rng.getrandbits(128):032x}",
    "UUID": lambda rng, number: f"call_{number}_{uuid.UUID(int=rng.getrandbits(128), version=4)}",
}
UNIQUE = ("hexadecimal", "UUID")
GROUPS = ("none", "none", "session", "span")
LONG = (pytest.mark.long, pytest.mark.timeout(900))
FORGOTTEN = ("not sampled", "another process", "still open")


class Kept(SpanExporter):
    """What is needed of each span."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, int, str]] = []  # name, trace, texts

    def export(self, spans: Any) -> SpanExportResult:
        span: ReadableSpan
        for span in spans:
            assert span.context is not None
            texts = " ".join(str(value) for value in (span.attributes or {}).values())
            self.spans.append((span.name, span.context.trace_id, texts))
        return SpanExportResult.SUCCESS


class Program:
    """The server that holds all conversations, by two processes: the other one is unobserved."""

    def __init__(self) -> None:
        self.kept, self.sampler = Kept(), Switched()
        self.tracer_provider = TracerProvider(shutdown_on_exit=False, sampler=self.sampler)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.kept))
        self.client, self.elsewhere = self._client(), self._client()
        observe(self.client, "openai")

    @staticmethod
    def _client() -> openai.OpenAI:
        transport = httpx2.MockTransport(respond)
        return openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport))

    def send(
        self, messages: list[Any], ids: list[str], forgotten: str, **labels: Any
    ) -> tuple[Any, Any]:
        """Return the message of the answer, and the stream if it is left open."""
        client = self.elsewhere if forgotten == "another process" else self.client
        self.sampler.on = forgotten != "not sampled"
        create: Any = client.chat.completions.create
        request: dict[str, Any] = {"model": "k2", "messages": messages, "tools": TOOLS, **labels}
        request["extra_headers"] = {"x-ids": ",".join(ids)}
        try:
            if forgotten != "still open":
                return create(**request).choices[0].message, None
            stream = create(**request, stream=True)
            chunk = next(chunk for chunk in stream if chunk.choices[0].finish_reason)
            return chunk.choices[0].delta, stream
        finally:
            self.sampler.on = True


@dataclass
class Conversation:
    """One user's. Everything said in it has the user's name in it, in brackets."""

    user: str
    rng: random.Random
    ids: str
    same_words: bool  # whether the question is one that others ask, too
    group: str
    by_database: bool  # whether messages are written as JSON between the calls
    numbers: int  # the servers number from 0 to this: the fewer, the more calls have equal ids
    history: list[Any] = field(default_factory=list[Any])
    rounds: int = 0
    pending: list[str] = field(default_factory=list[str])  # ids whose tools are running
    forgotten: str = ""
    span: Any = None
    streams: list[Any] = field(default_factory=list[Any])

    @property
    def clear(self) -> bool:
        """Whether it is certain which call asked for the tools that are running."""
        if self.forgotten or len(set(self.pending)) < len(self.pending):
            return False
        return self.ids in UNIQUE or self.group != "none" or not self.by_database

    def step(self, program: Program) -> int:
        """Say something or bring the results; the answer may ask for tools.

        Return how many tools are to be recorded.
        """
        brought = len(self.pending) if self.clear else 0
        if self.pending:
            self._results()
        if not self.pending or self.rng.random() < 0.2:
            words = "what is new?" if self.same_words else f"[{self.user}] asks"
            self.history.append({"role": "user", "content": words})
        count = self.rng.choice((0, 1, 1, 2)) if self.rounds < 4 else 0
        self.pending = [
            IDS[self.ids](self.rng, self.rng.randrange(self.numbers)) for _ in range(count)
        ]
        self.forgotten = self.rng.choice(FORGOTTEN) if self.rng.random() < 0.3 else ""
        if self.group == "span" and self.forgotten == "not sampled":
            self.forgotten = "another process"
        seen = self._send(program)
        self.rounds += 1
        return brought if seen else 0

    def _send(self, program: Program) -> bool:
        """Send the history; return whether a recorded call brought the results in it."""
        labels = {"pulse_session_id": self.user} if self.group == "session" else {}
        labels = {} if self.forgotten == "another process" else labels
        with ExitStack() as stack:
            if self.group == "span":
                tracer = program.tracer_provider.get_tracer("app")
                self.span = self.span or tracer.start_span(f"[{self.user}] turn")
                stack.enter_context(trace.use_span(self.span))
            message, stream = program.send(self.history, self.pending, self.forgotten, **labels)
            if self.rng.random() < 0.1 and self.forgotten != "another process":
                # A retry of the program's own.
                program.send(self.history, [], "", **labels)
        self.streams.append(stream)
        said = message.model_dump(exclude_none=True)
        self.history.append(json.loads(json.dumps(said)) if self.by_database else said)
        return self.forgotten in ("", "still open")

    def _results(self) -> None:
        calls = self.history[-1]["tool_calls"]
        self.history += [
            {
                "role": "tool",
                "tool_call_id": call["id"],
                "content": f"[{self.user}] found {json.loads(call['function']['arguments'])['n']}",
            }
            for call in calls
        ]

    def end(self) -> None:
        for stream in self.streams:
            if stream is not None:
                stream.close()
        if self.span is not None:
            self.span.end()


def respond(request: httpx2.Request) -> httpx2.Response:
    """Ask for tools with the ids that the test chose; the request's header names them."""
    ids = [call_id for call_id in request.headers["x-ids"].split(",") if call_id]
    calls = [
        {
            "index": number,
            "id": call_id,
            "type": "function",
            "function": {"name": TOOL, "arguments": json.dumps({"n": number})},
        }
        for number, call_id in enumerate(ids)
    ]
    message = {"role": "assistant", "content": None if calls else "Fine."}
    message |= {"tool_calls": calls} if calls else {}
    choice = {"index": 0, "finish_reason": "tool_calls" if calls else "stop"}
    body = {"id": "chatcmpl-1", "created": 1, "model": "k2"}
    if json.loads(request.content).get("stream"):
        chunks = [
            {**body, "object": "chat.completion.chunk", "choices": [{**choice, "delta": message}]},
            {**body, "object": "chat.completion.chunk", "choices": []},
        ]
        text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
        return httpx2.Response(200, text=text, headers={"content-type": "text/event-stream"})
    return httpx2.Response(
        200, json={**body, "object": "chat.completion", "choices": [{**choice, "message": message}]}
    )


@pytest.fixture
def program() -> Iterator[Program]:
    program = Program()
    pulse_otel.init_pulse(
        api_key=KEY, api_url="http://127.0.0.1:9", tracer_provider=program.tracer_provider
    )
    yield program
    pulse_otel.shutdown(0)


def run(program: Program, conversations: int, at_once: int) -> Counter[str]:
    """Hold the conversations; return how many tools of each user have a clear caller."""
    rng = random.Random(conversations)
    expected: Counter[str] = Counter()
    running: list[Conversation] = []
    made = 0
    while made < conversations or running:
        while made < conversations and len(running) < at_once:
            ids, group = rng.choice(list(IDS)), rng.choice(GROUPS)
            same_words, by_database = rng.random() < 0.6, rng.random() < 0.5
            running.append(
                Conversation(
                    f"user {made}", rng, ids, same_words, group, by_database, conversations // 2
                )
            )
            made += 1
        one = rng.choice(running)
        expected[one.user] += one.step(program)
        if one.rounds >= 5 and not one.pending:
            one.end()
            running.remove(one)
    return expected


@pytest.mark.parametrize(
    ("conversations", "at_once"), [(100, 30), pytest.param(10_000, 200, marks=LONG)]
)
def test_no_trace_has_two_users_and_each_clear_round_trip_is_one(
    conversations: int, at_once: int, program: Program
) -> None:
    expected = run(program, conversations, at_once)

    users: dict[int, set[str]] = {}
    found: Counter[str] = Counter()
    mixed: list[str] = []
    for name, trace_id, texts in program.kept.spans:
        of = {part.partition("]")[0] for part in texts.split("[user ")[1:]}
        of = {user for user in of if user.isdigit()}
        users.setdefault(trace_id, set()).update(of)
        if name.startswith("execute_tool"):
            found[f"user {next(iter(of))}"] += 1
            number = texts.partition('"n":')[2].strip()[:1]
            if len(of) != 1 or f"found {number}" not in texts:
                mixed.append(texts)
    faults = {
        "two users in a trace": [trace_id for trace_id, of in users.items() if len(of) > 1],
        "arguments of one call with the result of another": mixed,
        "lost, or not certain": {
            user for user in {*found, *expected} if found[user] != expected[user]
        },
    }
    assert {fault: len(cases) for fault, cases in faults.items()} == dict.fromkeys(faults, 0)
