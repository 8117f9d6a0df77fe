"""Many conversations at once, whose tool calls have equal ids: nothing of one gets into another.

Real SDK clients, over a transport in this process: what is generated is the program.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import openai
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

import pulse_otel
from pulse_otel import observe
from tests.conftest import KEY

TOOLS: Any = [{"type": "function", "function": {"name": "look_up", "parameters": {}}}]
NUMBERED = tuple(f"functions.look_up:{number}" for number in range(4))


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


@dataclass
class Conversation:
    """One user's. Everything said in it has the user's name in it, in brackets."""

    user: str
    rng: random.Random
    unique: bool  # whether the provider's ids are its own
    same_words: bool  # whether the question is one that others ask, too
    history: list[Any] = field(default_factory=list[Any])
    rounds: int = 0
    pending: list[str] = field(default_factory=list[str])  # ids whose tools are running

    def step(self, client: openai.OpenAI, ids: list[str]) -> None:
        """Say something or bring the results; `ids` are those that the answer asks with."""
        if self.pending:
            self.history += [
                {"role": "tool", "tool_call_id": call_id, "content": f"[{self.user}] found"}
                for call_id in self.pending
            ]
        else:
            words = "what is new?" if self.same_words else f"[{self.user}] asks"
            self.history.append({"role": "user", "content": words})
        self.pending = []
        answer = client.chat.completions.create(
            model="k2", messages=self.history, tools=TOOLS, extra_headers={"x-ids": ",".join(ids)}
        )
        message = answer.choices[0].message
        self.history.append(message.model_dump(exclude_none=True))
        self.pending = [call.id for call in message.tool_calls or ()]
        if self.rng.random() < 0.1:  # a retry of the program's own
            client.chat.completions.create(
                model="k2", messages=self.history[:-1], tools=TOOLS, extra_headers={"x-ids": ""}
            )


def respond(request: httpx2.Request) -> httpx2.Response:
    """Ask for tools with the ids that the test chose; the request's header names them."""
    ids = [call_id for call_id in request.headers["x-ids"].split(",") if call_id]
    calls = [
        {"id": call_id, "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
        for call_id in ids
    ]
    message = {"role": "assistant", "content": None if calls else "Fine."}
    choice = {
        "index": 0,
        "message": {**message, "tool_calls": calls} if calls else message,
        "finish_reason": "tool_calls" if calls else "stop",
    }
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "k2"}
    return httpx2.Response(200, json={**body, "choices": [choice]})


@pytest.fixture
def kept() -> Iterator[Kept]:
    kept = Kept()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    pulse_otel.init_pulse(api_key=KEY, api_url="http://127.0.0.1:9", tracer_provider=provider)
    yield kept
    pulse_otel.shutdown(0)


@pytest.mark.parametrize(
    ("conversations", "at_once"), [(600, 30), pytest.param(10_000, 200, marks=pytest.mark.long)]
)
def test_no_trace_has_two_users_and_each_clear_round_trip_is_one(
    conversations: int, at_once: int, kept: Kept
) -> None:
    rng = random.Random(conversations)
    transport = httpx2.MockTransport(respond)
    client = observe(
        openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport)), "openai"
    )
    expected: Counter[str] = Counter()
    running: list[Conversation] = []
    made = 0
    while made < conversations or running:
        while made < conversations and len(running) < at_once:
            unique = rng.random() < 0.5
            # Of two that say the same and have the same ids, nobody can tell whose a result is.
            same_words = rng.random() < 0.2
            running.append(Conversation(f"user {made}", rng, unique, same_words))
            made += 1
        one = rng.choice(running)
        if one.pending and (one.unique or not one.same_words):
            expected[one.user] += len(one.pending)
        count = rng.choice((0, 1, 1, 2)) if one.rounds < 4 else 0
        ids = [
            f"call_{rng.getrandbits(128):032x}" if one.unique else NUMBERED[number]
            for number in range(count)
        ]
        one.step(client, ids)
        one.rounds += 1
        if one.rounds >= 5 and not one.pending:
            running.remove(one)

    users: dict[int, set[str]] = {}
    found: Counter[str] = Counter()
    for name, trace, texts in kept.spans:
        of = {part.partition("]")[0] for part in texts.split("[user ")[1:]}
        of = {user for user in of if user.isdigit()}
        assert len(of) <= 1
        users.setdefault(trace, set()).update(of)
        if name.startswith("execute_tool"):
            found[f"user {next(iter(of))}"] += 1
    assert [trace for trace, of in users.items() if len(of) > 1] == []
    assert {user: found[user] for user in expected} == dict(expected)
