"""Read the fields of a trace or span for the pages, in both generations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pulse_otel.local.json_text import Json
from pulse_otel.local.pages.conversation import Part, answer_turns
from pulse_otel.local.pages.formatting import Span

_BODIES = ("request", "response")
_OWN = frozenset((*_BODIES, *(f"pulse.{name}" for name in _BODIES)))
_ATTRIBUTE_PREFIXES = ("pulse.", "gen_ai.")


def spans_of(trace: Mapping[str, Json]) -> list[Span]:
    """Return the spans of a trace; in the legacy form a trace is one call (contract §0)."""
    spans = trace.get("spans")
    if isinstance(spans, list):
        return [span for span in spans if isinstance(span, dict)]
    call: dict[str, Json] = {
        **trace,
        "raw": dict(trace),
        "spanId": trace["traceId"],
        "kind": "llm_call",
        "durationMs": trace.get("latencyMs"),
        "model": trace.get("modelRequested"),
    }
    return [call]


def body(span: Span, name: str) -> Json:
    """Return the `request` or the `response` of a call (contract §3.4)."""
    if f"{name}Body" in span:
        return span[f"{name}Body"]
    metadata = _object(span.get("metadata"))
    found = metadata.get(f"pulse.{name}")
    return metadata.get(name) if found is None else found


def user_metadata(span: Span) -> dict[str, Json]:
    """Return the metadata that the program gave."""
    return {key: value for key, value in _rest(span) if not key.startswith(_ATTRIBUTE_PREFIXES)}


def attributes(span: Span) -> dict[str, Json]:
    """Return the attributes that have no column in the service, except for bodies."""
    return {key: value for key, value in _rest(span) if key.startswith(_ATTRIBUTE_PREFIXES)}


def _rest(span: Span) -> list[tuple[str, Json]]:
    metadata = _object(span.get("metadata"))
    return [(key, value) for key, value in metadata.items() if key not in _OWN]


def session_of(trace: Mapping[str, Json]) -> Json:
    """Return the session; None if it is the trace's id, the service's default."""
    session = trace.get("sessionId")
    return None if session == trace["traceId"] else session


def error_text(error: Json) -> str:
    """Return the message of an error, else its name or type."""
    if isinstance(error, dict):
        error = error.get("message") or error.get("name") or error.get("type")
    return str(error or "")


def answer_text(calls: Sequence[Span]) -> str:
    """Return the last answer; without a text, the parts of the last response."""
    for call in reversed(calls):
        if isinstance(text := call.get("outputText"), str) and text:
            return text
    turns = answer_turns(body(calls[-1], "response"), None) if calls else []
    return "; ".join(_in_words(part) for turn in turns for part in turn.parts)


def _in_words(part: Part) -> str:
    return f"calls {part.title.partition(' ')[0]}" if part.kind == "call" else part.text


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
