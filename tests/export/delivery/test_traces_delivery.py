"""Delivery in the legacy form: what is refused, cut off or answered twice costs nothing else."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import openai
import pytest

import pulse_otel
from pulse_otel import Provider, observe
from pulse_otel.config import ApiKey
from pulse_otel.export.delivery.worker import Delivery, Steps
from pulse_otel.export.payloads import traces
from pulse_otel.export.payloads.form import Encoded
from pulse_otel.export.records.record import Record
from pulse_otel.export.transport.http import Transport
from pulse_otel.export.transport.protocol import ProtocolDetector
from pulse_otel.local.provider.replies import openai_error
from tests.conftest import KEY, MESSAGES
from tests.export.changing import ChangingService
from tests.export.faulty import Answer, FaultyService
from tests.export.payloads.test_traces_form import PLAIN

PATH = "/v1/traces/async"


def _encode(record: Record) -> Encoded | None:
    """As the form does, but for records named "bad": their provider is none that it knows."""
    encoded = traces.encode(record)
    if encoded is None or record.name != "bad":
        return encoded
    return Encoded(json.dumps({**json.loads(encoded.json), "provider": "acme"}).encode())


BROKEN = traces.FORM._replace(encode=_encode)


@pytest.fixture
def legacy(changing: ChangingService) -> ChangingService:
    changing.form = "traces"
    return changing


@pytest.fixture
def delivery(legacy: ChangingService) -> Iterator[Delivery]:
    """Takes records; each is posted to the legacy service."""
    transport = Transport(legacy.url, ApiKey(KEY))
    made: Delivery = Delivery(
        Steps(
            size=lambda record: 1,
            read=lambda record: record,
            form=lambda deadline: BROKEN,
            post=ProtocolDetector(transport, "traces").post,
            attempt_s=10.0,
        )
    )
    yield made
    made.shutdown(0)
    transport.close()


def _records(count: int, **changes: Any) -> list[Record]:
    return [replace(PLAIN, span_id=uuid.uuid4().hex[:16], **changes) for _ in range(count)]


def test_only_the_traces_that_the_service_names_are_dropped(
    legacy: ChangingService, delivery: Delivery
) -> None:
    bad = _records(3, name="bad")
    good = _records(60)
    delivery.submit([bad[0], *good[:30], bad[1], *good[30:], bad[2]])

    assert delivery.flush(10) is False

    stored = legacy.traces("traces", 60)
    assert {trace["metadata"]["otel_span_id"] for trace in stored} == {r.span_id for r in good}
    assert (delivery.stats.delivered, dict(delivery.stats.dropped)) == (60, {"rejected": 3})
    assert legacy.posts["traces", PATH] <= 4  # no bisecting: at most one more for each request


def test_a_request_of_bad_traces_only_comes_to_an_end(
    legacy: ChangingService, delivery: Delivery
) -> None:
    delivery.submit(_records(5, name="bad"))

    assert delivery.flush(10) is False
    assert dict(delivery.stats.dropped) == {"rejected": 5}


def test_an_answer_that_got_lost_stores_nothing_twice(
    legacy: ChangingService, delivery: Delivery
) -> None:
    delivery.submit(_records(1))
    assert delivery.flush(10) is True
    legacy.lost_answers = 2

    delivery.submit(_records(250))

    assert delivery.flush(20) is True
    assert legacy.lost_answers == 0
    legacy.traces("traces", 251)
    assert delivery.stats.delivered == 251
    assert set(legacy.posts) == {("traces", PATH)}


def test_tools_and_agents_are_counted_as_ignored(
    legacy: ChangingService, delivery: Delivery
) -> None:
    delivery.submit([*_records(2, kind="tool_use"), *_records(1), *_records(1, kind="agent_run")])

    assert delivery.flush(10) is True
    legacy.traces("traces", 1)
    assert (delivery.stats.delivered, delivery.stats.ignored) == (1, 3)


@pytest.mark.parametrize(
    "details",
    [
        b"",
        b'{"error":"x"}',
        b'{"details":[{"path":[]}]}',
        b'{"details":[{"path":[99]},{"path":"0"}]}',
    ],
)
def test_a_refusal_that_names_no_trace_is_narrowed_down(
    faulty: FaultyService, details: bytes
) -> None:
    """The fourth trace that comes alone is the bad one."""
    alone: list[int] = []

    def answer(number: int, spans: int) -> Answer | None:
        alone.extend([number] if spans == 1 else [])
        return (400, details, {}) if spans > 1 or len(alone) == 4 else None

    faulty.form = "traces"
    faulty.answer = answer
    transport = Transport(faulty.url, ApiKey(KEY))
    detector = ProtocolDetector(transport, "traces")
    delivery: Delivery = Delivery(
        Steps(
            size=lambda record: 1,
            read=lambda record: record,
            form=detector.form,
            post=detector.post,
            attempt_s=10.0,
        )
    )
    delivery.submit(_records(8))

    assert delivery.flush(10) is False
    assert len(faulty.accepted) == 7
    assert dict(delivery.stats.dropped) == {"rejected": 1}
    delivery.shutdown(0)
    transport.close()


def test_calls_of_both_sdks_arrive_with_session_bodies_and_tokens(
    legacy: ChangingService, openai_client: Any, anthropic_client: Any
) -> None:
    pulse_otel.init_pulse({"api_key": KEY, "api_url": legacy.url})
    gpt = observe(openai_client, Provider.OPENAI)
    claude = observe(anthropic_client, Provider.ANTHROPIC)
    gpt.chat.completions.create(
        model="gpt-4o-mini", messages=MESSAGES, pulse_session_id="session-123"
    )
    claude.messages.create(
        model="claude-haiku-4-5",
        max_tokens=10,
        messages=MESSAGES,
        pulse_session_id="session-123",
        pulse_metadata={"feature": "chat"},
    )
    assert pulse_otel.flush_buffer(10) is True

    found = {trace["provider"]: trace for trace in legacy.traces("traces", 2)}
    chat, message = found["openai"], found["anthropic"]
    session = str(uuid.uuid5(uuid.NAMESPACE_URL, "pulse-session:session-123"))
    assert {chat["sessionId"], message["sessionId"]} == {session}
    assert chat["metadata"]["session_id"] == "session-123"
    assert message["metadata"]["feature"] == "chat"
    assert chat["requestBody"]["messages"] == MESSAGES
    assert chat["responseBody"]["choices"][0]["message"]["content"] == chat["outputText"]
    assert message["responseBody"]["content"][0]["text"] == message["outputText"]
    for trace in (chat, message):
        assert trace["inputTokens"] > 0
        assert trace["outputTokens"] > 0
        assert trace["costCents"] > 0
        assert trace["status"] == "success"
    assert len(legacy.get(f"/v1/sessions/{session}").json()["traces"]) == 2


def test_a_failed_call_arrives_as_an_error(
    legacy: ChangingService, provider: Any, openai_client: Any
) -> None:
    pulse_otel.init_pulse({"api_key": KEY, "api_url": legacy.url})
    provider.enqueue(openai_error(429))
    client = observe(openai_client, Provider.OPENAI)
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
    assert pulse_otel.flush_buffer(10) is True

    (trace,) = legacy.traces("traces", 1)
    assert trace["status"] == "error"
    assert trace["error"]
    assert (trace["inputTokens"], trace["outputTokens"]) == (0, 0)
