"""Record: one LLM call, tool use, agent run or notification, in Pulse's own terms.

The classes of `records` are not frozen, as that makes each field of a new one dear. Only `Pricing`
writes to a record that was made, once nobody else holds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeVar

Kind = Literal["llm_call", "tool_use", "agent_run", "notification"]

T = TypeVar("T")


def made(kind: type[T], values: dict[str, Any]) -> T:
    """Return a `kind` with `values`, which are its own from now on.

    Fields that are left out have their defaults; one with a default factory must be given. The
    `__init__` of a class with as many fields takes several times as long, as does a copy of slots.
    """
    one = object.__new__(kind)
    one.__dict__ = values
    return one


def updated(one: T, **changes: Any) -> T:
    """Return a copy with `changes`."""
    return made(type(one), {**one.__dict__, **changes})


@dataclass
class Usage:
    """What a bill counts; None is unknown.

    Tokens: input and output are totals, the others parts of them, except `citation`, which stands
    beside. `tool_uses` are of the provider's own tools, by its names. `other_models` served the
    call too: each has a `model` and counts of this class, which the totals leave out. `samplings`
    are the parts of the totals, where several of one model served the call.
    """

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    input_audio: int | None = None
    output_audio: int | None = None
    cache_write_1h: int | None = None
    cache_read_audio: int | None = None
    cache_read_image: int | None = None
    input_image: int | None = None
    output_image: int | None = None
    citation: int | None = None
    audio_seconds: float | None = None
    tool_uses: Mapping[str, int] | None = None
    other_models: Sequence[Mapping[str, Any]] | None = None
    samplings: Sequence[Mapping[str, Any]] | None = None


COUNTS = tuple(each.name for each in fields(Usage))
"""The names of the fields of `Usage`."""

UNKNOWN_USAGE = Usage()


@dataclass
class Record:
    """The data of one span for Pulse. Ids in hex, times in ns since the epoch.

    Bodies are bounded and hold no media. Only an LLM call has `usage`:
    agents and chains repeat the tokens of their calls, which must not be counted twice.
    """

    kind: Kind
    trace_id: str
    span_id: str
    parent_span_id: str | None
    start_ns: int
    end_ns: int
    name: str
    scope: str = ""  # the instrumentation that made the span
    operation: str | None = None  # gen_ai.operation.name
    provider: str | None = None
    model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    usage: Usage = field(default_factory=Usage)
    estimates_usage: bool = False  # its tokens may not be the provider's, but a library's count
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    server: str | None = None  # the host that was asked
    # (trace id, span id) of spans of ours that were made within it, though not beneath it
    contains: tuple[tuple[str, str], ...] = ()
    is_shared: bool = False  # several processes may record the call, under one span id
    finish_reason: str | None = None
    output_text: str | None = None
    request: Mapping[str, Any] | None = None
    response: Mapping[str, Any] | None = None
    tool_id: str | None = None
    tool_name: str | None = None
    tool_input: Any = None
    tool_output: Any = None
    agent_name: str | None = None
    is_error: bool = False
    error: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])  # what has no column
    reported_cost_cents: float | None = None  # what the provider stated
    cost_cents: float | None = None  # what it stated, else what its prices come to
    service_name: str | None = None
