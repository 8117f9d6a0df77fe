"""No span, however odd, makes a dialect raise; ordinary spans are left alone."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from pulse_otel.export import bodies
from pulse_otel.export.dialects import is_genai_span, read
from pulse_otel.export.dialects.dialect import COMMON
from pulse_otel.export.dialects.recognition import SIGNS
from pulse_otel.export.dialects.registry import DIALECTS
from pulse_otel.export.dialects.source import Source
from pulse_otel.export.payloads import otlp
from pulse_otel.export.pricing.cost import Pricing
from pulse_otel.export.records.record import Record
from pulse_otel.values import to_json
from tests.export.spans import all_recorded, one

RECORDED = [span for _, _, spans in all_recorded() for span in spans]
KEYS = sorted(
    {key for span in RECORDED for key in span.attributes or {}}
    | {key for dialect in DIALECTS.values() for key in dialect.crosswalk}
    | {key for one in DIALECTS.values() for keys in one.crosswalk.values() for key in keys}
    | {key for keys in COMMON.values() for key in keys}
    | {marker for signs in SIGNS.values() for marker in (*signs.markers, *signs.prefixes)}
    | {"gen_ai.prompt.0.role", "gen_ai.prompt.0.content.x", "gen_ai.prompt.0", "events"}
    | {"ai.operationId", "ai.prompt", "ai.prompt.tools", "gen_ai.completion", "response_data"}
)
SCOPES = sorted({scope for signs in SIGNS.values() for scope in signs.scopes} | {"", "ai", "app"})

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        ["chat", "execute_tool", "LLM", "generation", "tool", "ai.toolCall", "responses", "\ud800"]
    ),
)
NAMES = st.sampled_from(
    [
        "role",
        "parts",
        "type",
        "content",
        "text",
        "tool_calls",
        "function",
        "id",
        "messages",
        "input",
        "output",
        "choices",
        "message",
        "usage",
        "summary",
        "source",
        "image_url",
        "x",
        "tools",
        "name",
        "parameters",
        "response",
        "tool_call",
        "prompt_tokens",
        "data",
        "n",
        "server_tool_call",
    ]
)
KINDS = st.sampled_from(
    [
        "text",
        "image",
        "image_url",
        "tool_use",
        "tool_result",
        "blob",
        "uri",
        "reasoning",
        "file",
        "function_call",
        "refusal",
        "function_call_output",
        "tool_call",
        "tool_call_response",
        "input_audio",
        "server_tool_call",
    ]
)
nested = st.recursive(
    st.one_of(scalars, KINDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def _as_json(value: Any) -> str:
    return json.dumps(value)


values = st.one_of(
    scalars, nested, nested.map(_as_json), st.binary(max_size=8), st.lists(scalars).map(tuple)
)


def _span(scope: str, attributes: dict[str, Any], events: list[Any]) -> ReadableSpan:
    return ReadableSpan(
        name="openai.response",
        context=SpanContext(1, 2, False, TraceFlags(1)),
        attributes=attributes,
        events=[Event(name, body, 5) for name, body in events],
        instrumentation_scope=InstrumentationScope(scope),
        status=Status(StatusCode.ERROR, "Error code: 400 - {'error': {'message': 'no'}}"),
        start_time=1,
        end_time=10,
    )


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["exception", "gen_ai.choice", "gen_ai.user.message", "gen_ai.content.prompt"]
        ),
        st.dictionaries(NAMES, values, max_size=3),
    ),
    max_size=3,
)


@pytest.mark.row("E2", "E8")
@settings(max_examples=250, deadline=None)
@given(st.sampled_from(SCOPES), st.dictionaries(st.sampled_from(KEYS), values), EVENTS)
def test_any_values_in_the_known_keys(
    scope: str, attributes: dict[str, Any], events: list[Any]
) -> None:
    span = _span(scope, attributes, events)
    record = read(span)

    if record is not None:
        assert is_genai_span(span)
        json.loads(otlp.encode(record).json)


@pytest.mark.row("E8")
@settings(max_examples=150, deadline=None)
@given(st.sampled_from(RECORDED), st.data())
def test_recorded_spans_with_some_values_exchanged(span: ReadableSpan, data: st.DataObject) -> None:
    attributes = dict(span.attributes or {})
    for key in data.draw(st.lists(st.sampled_from(sorted(attributes)), min_size=1, max_size=4)):
        attributes[key] = data.draw(values)
    scope = span.instrumentation_scope
    assert scope is not None

    record = read(_span(scope.name, attributes, []))

    if record is not None:
        for body in (record.request, record.response):
            assert body is None or len(to_json(body).encode()) <= bodies.MAX_BYTES


@pytest.mark.row("E4")
def test_depth_that_no_recursion_survives() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    nesting: Any = "x"
    for _ in range(150):
        nesting = {"content": [nesting]}
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": deep,
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [nesting]}]),
    }

    record = read(one("some.scope", "chat", attributes))

    assert record is not None
    json.loads(otlp.encode(record).json)


@pytest.mark.parametrize(
    ("scope", "name", "attributes"),
    [
        ("opentelemetry.instrumentation.httpx", "POST", {"http.request.method": "POST"}),
        ("opentelemetry.instrumentation.psycopg", "SELECT", {"db.system": "postgresql"}),
        ("app", "handle", {}),
        # Copied to every span of a request by some pipelines:
        ("opentelemetry.instrumentation.asgi", "GET /", {"gen_ai.conversation.id": "c"}),
        ("opentelemetry.instrumentation.asgi", "GET /", {"gen_ai.agent.name": "a"}),
        ("opentelemetry.instrumentation.asgi", "GET /", {"gen_ai.provider.name": "openai"}),
        ("langfuse-sdk", "step", {"langfuse.observation.type": "span"}),
        ("openinference.instrumentation", "g", {"openinference.span.kind": "GUARDRAIL"}),
        ("logfire.fastapi", "GET /", {"logfire.span_type": "span", "logfire.msg": "m"}),
        ("com.anthropic.sdk.python", "anthropic.models.list", {"gen_ai.provider.name": "a"}),
        (
            "com.anthropic.sdk.python",
            "anthropic.messages.count_tokens",
            {"gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-haiku-5-5"},
        ),
        ("ai", "ai.embed", {"ai.operationId": "ai.embed", "ai.usage.tokens": 7}),
        ("litellm", "raw_gen_ai_request", {"llm.openai.messages": "[]", "gen_ai.system": "o"}),
    ],
)
def test_spans_that_are_no_genai_operation(
    scope: str, name: str, attributes: dict[str, Any]
) -> None:
    assert read(one(scope, name, attributes)) is None


def test_the_spans_of_other_libraries_need_not_be_read() -> None:
    assert not is_genai_span(
        one("opentelemetry.instrumentation.httpx", "POST", {"http.method": "POST"})
    )
    assert not is_genai_span(one("app", "handle", {}))


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"gen_ai.operation.name": "brand_new", "gen_ai.request.model": "m"}, "agent_run"),
        ({"gen_ai.system": "acme", "gen_ai.input.messages": "[]"}, "llm_call"),
        ({"gen_ai.operation.name": "brand_new", "gen_ai.tool.name": "t"}, "tool_use"),
        ({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}, "agent_run"),
        ({"gen_ai.operation.name": "plan"}, "agent_run"),
        ({"gen_ai.operation.name": "retrieval"}, "tool_use"),
        ({"traceloop.span.kind": "workflow", "traceloop.entity.name": "w"}, "agent_run"),
        ({"openinference.span.kind": "CHAIN", "input.value": "q"}, "agent_run"),
    ],
)
def test_unknown_spans_that_look_like_genai(attributes: dict[str, Any], kind: str) -> None:
    span = one("somebody.elses.scope", "s", attributes)
    record = read(span)

    assert is_genai_span(span)
    assert record is not None
    assert record.kind == kind


def test_every_dialect_has_its_signs_and_no_other_has_its_scopes() -> None:
    assert SIGNS.keys() == DIALECTS.keys()
    for name, signs in SIGNS.items():
        for scope in signs.scopes:
            owners = [n for n, s in SIGNS.items() if s.scopes and scope.startswith(s.scopes)]

            assert owners == [name]
    assert Source(one("ai", "x", {})).scope == "ai"


class Unhashable(str):
    """A text that no cache takes, and every SDK of OpenTelemetry does."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other)


def test_texts_of_a_class_of_the_program_are_plain_texts() -> None:
    plain = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 7,
    }
    odd = {
        key: tuple(map(Unhashable, value))
        if isinstance(value, tuple)
        else Unhashable(value)
        if isinstance(value, str)
        else value
        for key, value in plain.items()
    }
    records = [read(one("some.scope", "chat", attributes)) for attributes in (plain, odd)]
    first, second = [Pricing()(record) for record in records if record is not None]

    assert first.cost_cents == second.cost_cents == 0.00175
    assert first.finish_reason == second.finish_reason == "stop"
    own = {name: getattr(first, name) for name in ("trace_id", "span_id", "start_ns", "end_ns")}
    assert first == replace(second, **own)


def test_a_record_has_no_other_fields_than_its_class() -> None:
    """`made` does not ask for them."""
    names = {field.name for field in fields(Record)}
    for span in RECORDED:
        record = read(span)
        assert record is None or vars(record).keys() <= names
