"""What the page of a trace shows of one span: the conversation, and what stands around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulse_otel.local.json_text import Json
from pulse_otel.local.pages import amounts, trace_parts
from pulse_otel.local.pages.amounts import Span
from pulse_otel.local.pages.conversation import (
    CONVERSATION_FIELDS,
    SYSTEM_ROLES,
    Turn,
    answer_turns,
    request_turns,
    value_turns,
)

# A page that a browser can still show: what is left out of it is said there.
_MAX_EARLIER = 400
_MAX_RAW = 200_000
_MAX_VALUE = 2_000
_UNFOLDED_TURNS = 10


@dataclass(frozen=True, kw_only=True)
class SpanView:
    """One span, ready for the template."""

    span: Span
    name: str
    facts: Mapping[str, str]
    error: Mapping[str, str]
    system: Sequence[Turn]
    left_out: int
    """How many of the earlier turns are not shown at all."""
    earlier: Sequence[Turn]
    """The turns that are folded."""
    sent: Sequence[Turn]
    received: Sequence[Turn]
    parameters: Mapping[str, str]
    metadata: Mapping[str, str]
    attributes: Mapping[str, str]
    raw: str


def span_views(spans: Sequence[Span]) -> list[SpanView]:
    """The spans; where a conversation goes on, what the call before had sent is folded."""
    views: list[SpanView] = []
    before: list[Turn] = []
    for span in spans:
        turns = request_turns(trace_parts.body(span, "request"))
        views.append(_span_view(span, turns, known=_common(before, turns)))
        before = turns or before
    return views


def _span_view(span: Span, turns: list[Turn], *, known: int) -> SpanView:
    # At least the last turn is unfolded: it is what was asked.
    unfolded = max(0, min(max(known, len(turns) - _UNFOLDED_TURNS), len(turns) - 1))
    system = 0 if known else min(_system_turns(turns), unfolded)
    left_out = max(0, unfolded - system - _MAX_EARLIER)
    response = trace_parts.body(span, "response")
    return SpanView(
        span=span,
        name=span_name(span),
        facts=_facts(span),
        error=error_values(span),
        system=turns[:system],
        left_out=left_out,
        earlier=turns[system + left_out : unfolded],
        sent=turns[unfolded:] or value_turns("input", span.get("toolInput")),
        received=answer_turns(response, span.get("outputText"))
        or value_turns("output", span.get("toolResponse")),
        parameters=_parameters(trace_parts.body(span, "request")),
        metadata=_values(trace_parts.user_metadata(span)),
        attributes=_values(trace_parts.attributes(span)),
        raw=amounts.clipped(amounts.json_text(span.get("raw", dict(span)), indent=2), _MAX_RAW),
    )


def _common(before: Sequence[Turn], turns: Sequence[Turn]) -> int:
    """How many turns at the beginning are the same."""
    pairs = enumerate(zip(before, turns, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(before), len(turns)))


def _system_turns(turns: Sequence[Turn]) -> int:
    others = (at for at, turn in enumerate(turns) if turn.role not in SYSTEM_ROLES)
    return next(others, len(turns))


def span_name(span: Span) -> str:
    """A tool's or an agent's name, a call's model, else the label."""
    names = ("toolName", "agentName", "modelUsed", "model", "label")
    return next((str(span[name]) for name in names if span.get(name)), "")


def _facts(span: Span) -> dict[str, str]:
    """The span's own figures; those of a trace's only span are the trace's."""
    return present(
        {
            "Model": model(span.get("model"), span.get("modelUsed")),
            "Tokens": amounts.tokens([span]),
            "Cost": amounts.cost([span]),
            "Duration": amounts.milliseconds(span.get("durationMs")),
            "Finish reason": span.get("finishReason"),
            "Answer id": span.get("providerRequestId"),
            "Tool call": span.get("toolUseId"),
            "Directory": span.get("cwd"),
        }
    )


def model(requested: Json, used: Json) -> str | None:
    """The model; both where another one answered than was asked for."""
    names = dict.fromkeys(str(name) for name in (requested, used) if name)
    return " → ".join(names) or None


def error_values(span: Mapping[str, Json]) -> dict[str, str]:
    """The error's message as such, and its other fields; empty without an error."""
    error = span.get("error")
    if error is None:
        return {}
    if not isinstance(error, dict):
        return {"message": _value(error)}
    return _values({"message": trace_parts.error_text(error), **error})


def _parameters(request: Json) -> dict[str, str]:
    """What the request said beside the conversation; of the tools only the names."""
    if not isinstance(request, dict):
        return {}
    shown = {k: v for k, v in request.items() if k not in CONVERSATION_FIELDS and k != "model"}
    if isinstance(tools := shown.get("tools"), list):
        shown["tools"] = ", ".join(map(_tool_name, tools))
    return _values(shown)


def _tool_name(tool: Json) -> str:
    """A tool's name stands beside or below its type; the provider's own tools have only that."""
    if not isinstance(tool, dict):
        return _value(tool)
    inner = tool.get("function")
    found = tool.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
    return str(found or tool.get("type") or _value(tool))


def _values(values: Mapping[str, Json]) -> dict[str, str]:
    return {name: _value(value) for name, value in values.items()}


def _value(value: Json) -> str:
    text = value if isinstance(value, str) else amounts.json_text(value)
    return amounts.clipped(text, _MAX_VALUE)


def present(values: Mapping[str, Json]) -> dict[str, str]:
    """What has a value, as text."""
    return {name: str(value) for name, value in values.items() if value not in (None, "")}
