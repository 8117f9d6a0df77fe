"""Record: one LLM call, tool use or agent run, in Pulse's own terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["llm_call", "tool_use", "agent_run"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. Input and output are totals, the others parts of them; None is unknown."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    input_audio: int | None = None
    output_audio: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What Pulse is told about one span. Ids in hex, times in ns since the epoch."""

    kind: Kind
    trace_id: str
    span_id: str
    parent_span_id: str | None
    start_ns: int
    end_ns: int
    name: str
    provider: str | None = None
    model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    session_id: str | None = None
    usage: Usage = field(default_factory=Usage)
    finish_reason: str | None = None
    output_text: str | None = None
    request: Mapping[str, Any] | None = None
    response: Mapping[str, Any] | None = None
    is_error: bool = False
    error: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])  # what has no column
    reported_cost_cents: float | None = None
    service_name: str | None = None
