"""The conventions up to 1.36: one event for each message (openai-v2, Strands, early pydantic-ai).

`opentelemetry-instrumentation-openai-v2` sends these as log records, which no span exporter
sees: its spans carry no content. Other instrumentations put them on the span.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.dialects import parts
from pulse_otel.export.dialects.dialect import Dialect
from pulse_otel.export.dialects.provider_json import answer
from pulse_otel.export.dialects.source import Attributes, Source, as_text, loose_json, mapping

_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_CHOICE = "gen_ai.choice"
_EARLIEST = {  # conventions before 1.28: all messages in one attribute of one event
    "gen_ai.content.prompt": ("gen_ai.prompt", semconv.INPUT_MESSAGES),
    "gen_ai.content.completion": ("gen_ai.completion", semconv.OUTPUT_MESSAGES),
}


def read(source: Source) -> Attributes:
    """Messages from the span's events."""
    named = [(event.name, event.attributes or {}) for event in source.span.events]
    return from_events(named)


def from_events(events: list[tuple[str, Mapping[str, Any]]]) -> Attributes:
    """Messages from events, each with its name and body."""
    found: Attributes = {}
    inputs: list[dict[str, Any]] = []
    outputs: list[dict[str, Any]] = []
    reasons: list[Any] = []
    for name, body in events:
        values = {key: loose_json(value) for key, value in body.items()}
        if name in _ROLES:
            inputs.append(parts.message(values, _ROLES[name]))
        elif name == _CHOICE:
            message = mapping(values.get("message")) or _bare(values)
            outputs.append(parts.message(message, "assistant"))
            reasons.append(body.get("finish_reason"))
        elif name in _EARLIEST:
            key, target = _EARLIEST[name]
            found[target] = parts.messages(values.get(key))
    if inputs:
        found[semconv.INPUT_MESSAGES] = inputs
    return found | answer(outputs, reasons) if outputs else found


def _bare(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without a message of its own, the answer's text stands in `message` or `content`."""
    text = as_text(values.get("message")) or as_text(values.get("content"))
    return {"role": "assistant", "content": text, "tool_calls": values.get("tool_calls")}


OPENAI_V2 = Dialect(name="openai-v2", read=read)
