"""Prepare the section of one span in the page of a trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulse_otel.local.json_text import Json
from pulse_otel.local.pages import figures, formatting, trace_fields
from pulse_otel.local.pages.conversation import (
    CONVERSATION_FIELDS,
    SYSTEM_ROLES,
    Turn,
    answer_turns,
    request_turns,
    value_turns,
)
from pulse_otel.local.pages.formatting import Span
from pulse_otel.local.pages.repeat import Commands, commands

# These limits keep the page small enough for a browser; it says what it leaves out.
_MAX_EARLIER = 400
_MAX_RAW = 200_000
_MAX_TOOL = 10_000
_TOOLS = ("tools",)
_MAX_VALUE = 2_000
_UNFOLDED_TURNS = 10


@dataclass(frozen=True)
class Tool:
    """The definition of a tool."""

    name: str
    description: str
    definition: str


@dataclass(frozen=True, kw_only=True)
class SpanView:
    """One span, ready for the template."""

    span: Span
    name: str
    facts: Mapping[str, str]
    error: Mapping[str, str]
    system: Sequence[Turn]
    left_out: int
    """The number of earlier turns that are not shown."""
    earlier: Sequence[Turn]
    """Earlier turns, which the page folds."""
    sent: Sequence[Turn]
    received: Sequence[Turn]
    tools: Sequence[Tool]
    """The definitions of tools that were sent."""
    parameters: Mapping[str, str]
    metadata: Mapping[str, str]
    attributes: Mapping[str, str]
    raw: str
    commands: Commands | None


def span_views(spans: Sequence[Span]) -> list[SpanView]:
    """Prepare the spans; fold the turns that the previous call had already sent."""
    views: list[SpanView] = []
    before: list[Turn] = []
    for span in spans:
        turns = request_turns(trace_fields.body(span, "request"))
        views.append(_span_view(span, turns, known=_common(before, turns)))
        before = turns or before
    return views


def _span_view(span: Span, turns: list[Turn], *, known: int) -> SpanView:
    # The last turn is never folded: it is the question.
    unfolded = max(0, min(max(known, len(turns) - _UNFOLDED_TURNS), len(turns) - 1))
    system = 0 if known else min(_system_turns(turns), unfolded)
    left_out = max(0, unfolded - system - _MAX_EARLIER)
    response = trace_fields.body(span, "response")
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
        tools=_tools(trace_fields.body(span, "request")),
        parameters=_parameters(trace_fields.body(span, "request")),
        metadata=_values(trace_fields.user_metadata(span)),
        attributes=_values(trace_fields.attributes(span)),
        raw=formatting.clipped(formatting.as_json(span.get("raw", dict(span)), indent=2), _MAX_RAW),
        commands=commands(span),
    )


def _common(before: Sequence[Turn], turns: Sequence[Turn]) -> int:
    """Count the equal turns at the beginning."""
    pairs = enumerate(zip(before, turns, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(before), len(turns)))


def _system_turns(turns: Sequence[Turn]) -> int:
    others = (at for at, turn in enumerate(turns) if turn.role not in SYSTEM_ROLES)
    return next(others, len(turns))


def span_name(span: Span) -> str:
    """Name a span by its tool, agent or model, else by its label; a notification by its label."""
    names: tuple[str, ...] = ("toolName", "agentName", "modelUsed", "model", "label")
    if span.get("kind") == "notification":
        names = ("label",)
    return next((str(span[name]) for name in names if span.get(name)), "")


def _facts(span: Span) -> dict[str, str]:
    """List the figures of a span."""
    return present(
        {
            "Model": model(span.get("model"), span.get("modelUsed")),
            "Tokens": figures.tokens([span]),
            "Cost": formatting.cost([span]),
            "Duration": formatting.milliseconds(span.get("durationMs")),
            "Finish reason": span.get("finishReason"),
            **figures.of_call(span),
            "Answer id": span.get("providerRequestId"),
            "Tool call": span.get("toolUseId"),
            "Directory": span.get("cwd"),
        }
    )


def model(requested: Json, used: Json) -> str | None:
    """Name the model, or both the requested one and the one that answered."""
    names = dict.fromkeys(str(name) for name in (requested, used) if name)
    return " → ".join(names) or None


def error_values(span: Mapping[str, Json]) -> dict[str, str]:
    """List the error's message and its other fields; nothing if there is no error."""
    error = span.get("error")
    if error is None:
        return {}
    if not isinstance(error, dict):
        return {"message": _value(error)}
    return _values({"message": trace_fields.error_text(error), **error})


def _parameters(request: Json) -> dict[str, str]:
    """List the parameters of the request other than the conversation and the tools."""
    if not isinstance(request, dict):
        return {}
    apart = CONVERSATION_FIELDS | {"model", *(_TOOLS if _tools(request) else ())}
    return _values({name: value for name, value in request.items() if name not in apart})


def _tools(request: Json) -> list[Tool]:
    tools = request.get("tools") if isinstance(request, dict) else None
    return [_tool(tool) for tool in tools] if isinstance(tools, list) else []


def _tool(tool: Json) -> Tool:
    inner = tool.get("function", tool) if isinstance(tool, dict) else None
    said = inner.get("description") if isinstance(inner, dict) else None
    definition = formatting.clipped(formatting.as_json(tool, indent=2), _MAX_TOOL)
    return Tool(_tool_name(tool), _value(said) if said else "", definition)


def _tool_name(tool: Json) -> str:
    """Name a tool: its name is beside or below its type; a provider's own tool has only a type."""
    if not isinstance(tool, dict):
        return _value(tool)
    inner = tool.get("function")
    found = tool.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
    return str(found or tool.get("type") or _value(tool))


def _values(values: Mapping[str, Json]) -> dict[str, str]:
    return {name: _value(value) for name, value in values.items()}


def _value(value: Json) -> str:
    text = value if isinstance(value, str) else formatting.as_json(value)
    return formatting.clipped(text, _MAX_VALUE)


def present(values: Mapping[str, Json]) -> dict[str, str]:
    """Keep the entries that have a value, as text."""
    return {name: str(value) for name, value in values.items() if value not in (None, "")}
