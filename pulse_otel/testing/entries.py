"""What a test sees of a record: an LLM call, a run of a tool, a unit of work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pulse_otel.testing.bodies import ToolCall, conversation, requested_tools

if TYPE_CHECKING:
    from pulse_otel.export.records.record import Record

__all__ = ["Call", "Entry", "Run", "Tool", "ToolCall", "entry_of"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Entry:
    """What all have. `error` is None, or the exception's class and what the provider said."""

    kind: ClassVar[str]
    shown: ClassVar[tuple[str, ...]]  # in the one line for it

    error: str | None
    session_id: str | None
    user_id: str | None
    metadata: Mapping[str, Any]
    duration_ms: float
    trace_id: str
    span_id: str
    parent_span_id: str | None

    def __repr__(self) -> str:
        fields = {name: getattr(self, name) for name in self.shown}
        said = (f"{k}={v!r:.60}" for k, v in fields.items() if v not in (None, []))
        return f"{self.kind}({', '.join(said)})"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Call(Entry):
    """An LLM call. None: the provider did not say, or Pulse does not know.

    `model` is the one that was asked for. `messages` are those of the request in the provider's own
    shape; `request` and `response` are the whole bodies. `tools` names the tools that the answer
    asks for, and `tool_calls` has their arguments too.
    """

    kind: ClassVar[str] = "call"
    shown: ClassVar[tuple[str, ...]] = ("model", "answer", "tools", "error")

    model: str | None
    response_model: str | None
    provider: str | None
    messages: list[dict[str, Any]] | None
    answer: str | None
    tool_calls: list[ToolCall]
    input_tokens: int | None
    output_tokens: int | None
    cost_cents: float | None
    request: Mapping[str, Any]
    response: Mapping[str, Any]

    @property
    def tools(self) -> list[str]:
        """The names of the tools that the answer asks for, in order."""
        return [asked.name for asked in self.tool_calls]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Tool(Entry):
    """A run of a tool, as `pulse_otel.tool` records it."""

    kind: ClassVar[str] = "tool"
    shown: ClassVar[tuple[str, ...]] = ("name", "input", "output", "error")

    name: str | None
    input: Any
    output: Any
    call_id: str | None  # by which the model asked for it


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Run(Entry):
    """A unit of work, as `pulse_otel.trace` records it."""

    kind: ClassVar[str] = "run"
    shown: ClassVar[tuple[str, ...]] = ("name", "input", "output", "error")

    name: str | None
    input: str | None
    output: str | None


def entry_of(record: Record) -> Entry | None:
    """Return what a test sees of `record`; None for a notification."""
    make = _MAKERS.get(record.kind)
    return None if make is None else make(record)


def _common(record: Record) -> dict[str, Any]:
    return {
        "error": _error(record),
        "session_id": record.session_id,
        "user_id": record.user_id,
        "metadata": record.metadata,
        "duration_ms": (record.end_ns - record.start_ns) / 1e6,
        "trace_id": record.trace_id,
        "span_id": record.span_id,
        "parent_span_id": record.parent_span_id,
    }


def _error(record: Record) -> str | None:
    if not record.is_error:
        return None
    found = record.error or {}
    texts = [str(found[key]) for key in ("name", "message") if found.get(key)]
    return ": ".join(texts) or "error"


def _call(record: Record) -> Call:
    return Call(
        **_common(record),
        model=record.model or record.response_model,
        response_model=record.response_model,
        provider=record.provider,
        messages=conversation(record.request or {}),
        answer=record.output_text,
        tool_calls=requested_tools(record.response or {}),
        input_tokens=record.usage.input,
        output_tokens=record.usage.output,
        cost_cents=record.cost_cents,
        request=record.request or {},
        response=record.response or {},
    )


def _tool(record: Record) -> Tool:
    return Tool(
        **_common(record),
        name=record.tool_name,
        input=record.tool_input,
        output=record.tool_output,
        call_id=record.tool_id,
    )


def _run(record: Record) -> Run:
    messages = conversation(record.request or {}) or []
    return Run(
        **_common(record),
        name=record.agent_name or record.name,
        input=messages[-1].get("content") if messages else None,
        output=record.output_text,
    )


_MAKERS = {"llm_call": _call, "tool_use": _tool, "agent_run": _run}
