"""Spans of other instrumentations: recorded ones, and ones made with the SDK's span API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

RECORDED = Path(__file__).parent / "recorded"
DIALECTS = sorted(path.stem for path in RECORDED.glob("*.json"))


def recorded(dialect: str) -> dict[str, list[ReadableSpan]]:
    """The spans of a dialect by case, in the order in which they ended."""
    cases = json.loads((RECORDED / f"{dialect}.json").read_text())
    return {case: [_span(span) for span in found["spans"]] for case, found in cases.items()}


def all_recorded() -> Iterator[tuple[str, str, list[ReadableSpan]]]:
    """Dialect, case and spans of everything that was recorded."""
    for dialect in DIALECTS:
        for case, spans in recorded(dialect).items():
            yield dialect, case, spans


def _span(data: Mapping[str, Any]) -> ReadableSpan:
    parent = data["parent_span_id"]
    return ReadableSpan(
        name=data["name"],
        context=_context(data["trace_id"], data["span_id"]),
        parent=_context(data["trace_id"], parent) if parent else None,
        resource=Resource({"service.name": "recorded"}),
        attributes={
            key: tuple(value) if isinstance(value, list) else value
            for key, value in data["attributes"].items()
        },
        events=[
            Event(event["name"], event["attributes"], data["start_unix_nano"] + 1_000_000)
            for event in data["events"] or []
        ],
        kind=SpanKind[data["kind"]],
        instrumentation_scope=InstrumentationScope(data["scope"]["name"], data["scope"]["version"]),
        status=Status(StatusCode[data["status"]["code"]], data["status"]["description"]),
        start_time=data["start_unix_nano"],
        end_time=data["end_unix_nano"],
    )


def _context(trace_id: str, span_id: str) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), False, TraceFlags(1))


class Recording:
    """Makes spans with the SDK's own API; `spans` are those that ended, in that order."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def span(self, scope: str, name: str, attributes: Mapping[str, Any], **more: Any) -> Any:
        """Start and end one span; `error` is a status description, `events` (name, attributes)."""
        events = more.pop("events", ())
        error = more.pop("error", None)
        span = self.provider.get_tracer(scope).start_span(name, attributes=dict(attributes), **more)
        for event_name, event_attributes in events:
            span.add_event(event_name, event_attributes)
        if error is not None:
            span.set_status(StatusCode.ERROR, error)
        span.end()
        return self.spans[-1]


def one(scope: str, name: str, attributes: Mapping[str, Any], **more: Any) -> ReadableSpan:
    """One finished span."""
    return Recording().span(scope, name, attributes, **more)
