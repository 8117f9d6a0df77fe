"""One trace as text: its fields, its spans, and the conversation."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulse_otel.printable import printable
from pulse_otel.terminal.json_lines import json_line
from pulse_otel.terminal.table import line
from pulse_otel.terminal.trace import Trace, answer_of, error_of, objects, session_of, user_of
from pulse_otel.terminal.trace_table import row_of

_FIELDS = ("time", "provider", "model", "in/out", "cents", "ms", "status")
_DEEPEST = 20  # indentation of a span; a service may claim any parents


def text_of(trace: Trace) -> Iterator[str]:
    """Yield the lines of a trace; none is cut."""
    row = row_of(trace)
    shown = {
        "trace": trace.get("traceId"),
        "summary": trace.get("summary"),
        **{name: row[name] for name in _FIELDS},
        "session": session_of(trace),
        "user": user_of(trace),
        "finish": trace.get("finishReason"),
    }
    for name, value in shown.items():
        if value not in (None, ""):
            yield f"{name:9} {line(value)}"
    spans = objects(trace.get("spans"))
    if len(spans) > 1:
        yield from ("", "spans", *(f"  {text}" for text in _spans(spans)))
    yield from _conversation(trace)


def _spans(spans: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the spans, each below its parent, as far in as it is below the root."""
    parents = {str(one.get("spanId")): str(one.get("parentSpanId")) for one in spans}
    for span in spans:
        depth, above = 0, str(span.get("parentSpanId"))
        while above in parents and depth < _DEEPEST:
            depth, above = depth + 1, parents[above]
        label = span.get("model") or span.get("agentName") or span.get("label")
        took = span.get("durationMs")
        parts = (span.get("kind"), label, "" if took is None else f"{took} ms", _fault(span))
        yield "  " * depth + line(" ".join(str(part) for part in parts if part))


def _fault(span: Mapping[str, Any]) -> str:
    return f"error: {error_of(span)}" if span.get("status") == "error" else ""


def _conversation(trace: Trace) -> Iterator[str]:
    request = trace.get("requestBody")
    messages = objects(request.get("messages")) if isinstance(request, dict) else []
    for message in messages:
        yield from ("", f"[{line(message.get('role'))}]", *_lines(message.get("content")))
    if not messages and request:
        yield from ("", "[request]", *_lines(request))
    if answer_of(trace):
        yield from ("", "[answer]", *_lines(answer_of(trace)))
    if trace.get("error"):
        yield from ("", "[error]", *_lines(error_of(trace)))


def _lines(content: Any) -> Iterator[str]:
    """Yield a text line by line; what is no text is JSON."""
    text = content if isinstance(content, str) else json_line(content)
    yield from map(printable, text.splitlines())
