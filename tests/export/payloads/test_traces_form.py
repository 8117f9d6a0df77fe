"""The legacy form: every field fits the service's rules, whatever the record holds.

The rules are checked by the development service over HTTP; what only the real service's
Postgres mode refuses (contract §2.3) is checked here.
"""

from __future__ import annotations

import json
import random
import uuid
from dataclasses import replace
from typing import Any

import pytest

from pulse_otel.export import bodies
from pulse_otel.export.payloads.traces import FORM
from pulse_otel.export.records.record import Record, Usage
from tests.export.changing import ChangingService

OTEL_TRACE, OTEL_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACE_ID = str(uuid.uuid5(uuid.NAMESPACE_URL, f"pulse-trace:{OTEL_TRACE}/{OTEL_SPAN}"))
SESSION_123 = str(uuid.uuid5(uuid.NAMESPACE_URL, "pulse-session:session-123"))
A_UUID = "D0805532-7A62-4A44-9F0A-111111111111"
NIL = "00000000-0000-0000-0000-000000000000"
MAX = 2**31 - 1

PLAIN = Record(
    kind="llm_call",
    trace_id=OTEL_TRACE,
    span_id=OTEL_SPAN,
    parent_span_id=None,
    start_ns=1_795_406_400_123_456_789,
    end_ns=1_795_406_400_135_656_789,
    name="chat gpt-4o",
    provider="openai",
    model="gpt-4o",
)


@pytest.fixture
def legacy(changing: ChangingService) -> ChangingService:
    changing.form = "traces"
    return changing


def _fields(record: Record) -> dict[str, Any]:
    encoded = FORM.encode(record)
    assert encoded is not None
    fields: dict[str, Any] = json.loads(encoded.json)
    return fields


@pytest.mark.row("E7")
@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({}, "trace_id", TRACE_ID),
        ({}, "timestamp", "2026-11-23T04:00:00.123Z"),
        ({"start_ns": 0}, "timestamp", "1970-01-01T00:00:00.000Z"),
        ({"start_ns": -5}, "timestamp", "1970-01-01T00:00:00.000Z"),
        ({"start_ns": 10**21, "end_ns": 10**21}, "timestamp", "9999-12-31T23:59:59.999Z"),
        ({}, "latency_ms", 12),
        ({"end_ns": 0}, "latency_ms", 0),
        ({"end_ns": 10**20}, "latency_ms", MAX),
        ({}, "provider", "openai"),
        ({"provider": "anthropic"}, "provider", "anthropic"),
        ({"provider": "openrouter"}, "provider", "openrouter"),
        ({"provider": "azure.ai.openai"}, "provider", "openai"),
        ({"provider": None}, "provider", "openai"),
        ({"provider": "aws.bedrock", "response": {"content": []}}, "provider", "anthropic"),
        ({"provider": "aws.bedrock", "model": "anthropic.claude-x"}, "provider", "anthropic"),
        (
            {"provider": "x", "model": "claude-x", "response": {"choices": []}},
            "provider",
            "openai",
        ),
        ({}, "model_requested", "gpt-4o"),
        ({"model": None, "response_model": "m"}, "model_requested", "m"),
        ({"model": None}, "model_requested", "unknown"),
        ({"model": "\x00"}, "model_requested", "\ufffd"),
        ({"response_model": "m"}, "model_used", "m"),
        ({"response_id": "r"}, "provider_request_id", "r"),
        ({}, "input_tokens", 0),
        ({}, "output_tokens", 0),
        ({"usage": Usage(input=7, output=2**40)}, "input_tokens", 7),
        ({"usage": Usage(input=7, output=2**40)}, "output_tokens", MAX),
        ({"output_text": "a\x00b\ud800c"}, "output_text", "a\ufffdb\ufffdc"),
        ({"finish_reason": "stop"}, "finish_reason", "stop"),
        ({}, "status", "success"),
        ({"is_error": True, "error": {"name": "x"}}, "status", "error"),
        ({"error": {"name": "x"}}, "error", {"name": "x"}),
        ({}, "request_body", {}),
        ({"request": {"a": "\x00"}}, "request_body", {"a": "\ufffd"}),
        ({"response": {"a": [None]}}, "response_body", {"a": [None]}),
        ({"cost_cents": 0.5}, "cost_cents", 0.5),
        ({"session_id": "session-123"}, "session_id", SESSION_123),
        ({"session_id": A_UUID}, "session_id", A_UUID),
        ({"session_id": NIL}, "session_id", NIL),
    ],
)  # fmt: skip
def test_a_field(changes: dict[str, Any], field: str, expected: Any) -> None:
    assert _fields(replace(PLAIN, **changes))[field] == expected


@pytest.mark.parametrize(
    "field",
    [
        "model_used",
        "provider_request_id",
        "output_text",
        "finish_reason",
        "response_body",
        "error",
        "cost_cents",
        "session_id",
    ],
)
def test_what_is_unknown_is_left_out(field: str) -> None:
    assert field not in _fields(replace(PLAIN, model="no such model"))


@pytest.mark.parametrize(
    "session_id",
    [
        "session-123",
        "0af7651916cd43dd8448eb211c80319c",
        "{d0805532-7a62-4a44-9f0a-111111111111}",
        "12345678-1234-1234-1234-123456789012",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        A_UUID + "\n",
        "日本" * 2000,
        "\ud800",
    ],
)
def test_any_session_id_is_accepted_and_kept(legacy: ChangingService, session_id: str) -> None:
    (stored,) = _store(legacy, [replace(PLAIN, session_id=session_id)])

    assert uuid.UUID(stored["sessionId"]).version == 5
    kept = stored["metadata"]["session_id"]
    assert kept == session_id or kept[:100] == session_id.replace("\ud800", "\ufffd")[:100]


def test_the_metadata_holds_what_has_no_field() -> None:
    record = replace(
        PLAIN,
        parent_span_id="00f067aa0ba902b7",
        provider="azure.ai.openai",
        session_id="session-123",
        service_name="shop",
        user_id="u",
        usage=Usage(input=9, output=1, cache_read=5, reasoning=1),
        attributes={
            "gen_ai.usage.cache_read.input_tokens": 5,
            "pulse.request_id": "req_1",
            "gen_ai.operation.name": "chat",
            "gen_ai.response.time_to_first_chunk": 0.5,
            "pulse.usage.details": '{"tier":{"a":1}}',
            "pulse.list": "[1]",
            "pulse.depth": "[" * 8000,
            "pulse.brace": "{no JSON",
            "pulse.nested": "[" * 100_000,
        },
        metadata={"user": "u1", "provider": "mine", "none": None, "deep": {"a": [1]}},
    )

    assert _fields(record)["metadata"] == {
        "user": "u1",
        "provider": "mine",
        "deep": {"a": [1]},
        "otel_trace_id": OTEL_TRACE,
        "otel_span_id": OTEL_SPAN,
        "otel_parent_span_id": "00f067aa0ba902b7",
        "pulse_provider": "azure.ai.openai",
        "session_id": "session-123",
        "service_name": "shop",
        "user_id": "u",
        "cache_read_tokens": 5,
        "reasoning_tokens": 1,
        "request_id": "req_1",
        "operation_name": "chat",
        "time_to_first_chunk_s": 0.5,
        "details": {"tier": {"a": 1}},
        "list": [1],
        "depth": "[" * 8000,
        "brace": "{no JSON",
        "nested": "[" * 8171 + "… [91808 bytes cut]",
    }


@pytest.mark.parametrize("kind", ["tool_use", "agent_run"])
def test_other_records_have_no_such_form(kind: Any) -> None:
    assert FORM.encode(replace(PLAIN, kind=kind)) is None


def test_large_bodies_are_cut_and_stay_objects(legacy: ChangingService) -> None:
    long = "é" * (FORM.max_body_bytes // 2 + 1)
    record = replace(
        PLAIN,
        request={"messages": [{"role": "user", "content": long}]},
        response={"choices": [{"message": {"content": long}}]},
        output_text=long,
        metadata={"long": long},
        attributes={"pulse.long": long},
        error={"message": long},
        model="m" * 5000,
    )

    (stored,) = _store(legacy, [record])

    assert stored["requestBody"]["messages"][0]["role"] == "user"
    assert stored["metadata"]["otel_span_id"] == OTEL_SPAN
    encoded = FORM.encode(record)
    assert encoded is not None
    assert len(encoded.json) < 4 * FORM.max_body_bytes + 200_000


HOSTILE = ["", " ", "\x00", "\ud800", "a\u2028b", "😀" * 300, '"\\', "null", "x" * 3000, "日本"]
NUMBERS = [None, 0, 1, 2**31, 2**53 - 1]
TEXTS = [
    *("provider", "model", "response_model", "response_id", "session_id", "finish_reason"),
    *("output_text", "service_name", "user_id", "parent_span_id"),
]
OBJECTS: list[Any] = [None, {}, {"a": None}, {"\x00": "\ud800"}, {"n": float("nan"), "i": 10**30}]


def _any_record(pick: random.Random) -> Record:
    texts: dict[str, Any] = {
        name: pick.choice([None, *HOSTILE])
        for name in [
            "provider",
            "model",
            "response_model",
            "response_id",
            "session_id",
            "finish_reason",
            "output_text",
            "service_name",
            "user_id",
            "parent_span_id",
        ]
    }
    objects: dict[str, Any] = {
        name: pick.choice(OBJECTS) for name in ("request", "response", "error")
    }
    start = pick.choice([0, 10**9, 1_795_406_400_000_000_000])
    return Record(
        kind="llm_call",
        trace_id=f"{pick.getrandbits(128):032x}",
        span_id=f"{pick.getrandbits(64):016x}",
        start_ns=start,
        end_ns=start + pick.choice([0, 1, 1_500_000, 10**19]),
        name="chat",
        usage=Usage(*(pick.choice(NUMBERS) for _ in range(7))),
        is_error=pick.random() < 0.5,
        metadata={**(pick.choice(OBJECTS) or {}), pick.choice(HOSTILE): pick.choice(HOSTILE)},
        attributes={"gen_ai.x": pick.choice([*HOSTILE, 2**70, 0.5, ("a", "\x00")])},
        cost_cents=pick.choice([None, 0.0, 1e-9, 3.5, float("nan"), float("inf")]),
        **texts,
        **objects,
    )  # fmt: skip


@pytest.mark.row("E1", "E7", "E8")
def test_the_service_takes_any_record(legacy: ChangingService) -> None:
    pick = random.Random(20261123)
    records = [_any_record(pick) for _ in range(300)]

    stored = _store(legacy, records)

    assert {trace["metadata"]["otel_span_id"] for trace in stored} == {r.span_id for r in records}
    for trace in stored:
        text = json.dumps(trace)
        assert "\\u0000" not in text
        assert "\\ud800" not in text
        for number in (trace["latencyMs"], trace["inputTokens"], trace["outputTokens"]):
            assert type(number) is int
            assert 0 <= number <= MAX


def _store(legacy: ChangingService, records: list[Record]) -> list[dict[str, Any]]:
    encoded = [one for record in records if (one := FORM.encode(record)) is not None]
    for start in range(0, len(encoded), FORM.max_records):
        body = FORM.body(encoded[start : start + FORM.max_records])
        body.decode()  # strict: no lone surrogate
        answer = legacy.post(FORM.path, body)
        assert (answer.status_code, answer.text[:500]) == (202, answer.text[:500])
    return legacy.traces("traces", len(records))


def test_a_call_that_several_processes_show_is_one_trace_whatever_its_own_trace() -> None:
    shared = replace(PLAIN, is_shared=True)

    elsewhere = _fields(replace(shared, trace_id="f" * 32))["trace_id"]

    assert elsewhere == _fields(shared)["trace_id"] != TRACE_ID


def test_a_user_who_says_nothing_is_empty_text() -> None:
    """The service's page fails on null."""
    said: list[dict[str, Any]] = [{"role": "user", "parts": []}]
    content = bodies.Content([], said, [], [], {}, [], [])
    written = bodies.request({}, content, bodies.shape_of({}, ""))

    assert written["messages"] == [{"role": "user", "content": ""}]
