"""Decides whether two records are of one run of a tool, and merges those that are.

A run is recorded where it happens, by the agent framework, and a second time from the messages: by
us, who see the model ask for it and the result come back. The messages know the id, the arguments
and the result; the framework knows when the tool ran, and below what.
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.records.record import Record, updated

_TOLERANCE_NS = 50_000_000
_FROM_MESSAGES = frozenset((semconv.SCOPE_OPENAI, semconv.SCOPE_ANTHROPIC))
_MOST_NESTED = 3  # JSON text in JSON text
_GIVEN = {"args", "kwargs"}


@dataclass
class ToolObservation:
    """A run of a tool as it was recorded. The hashes are of its values, whatever their form."""

    record: Record
    scopes: frozenset[str]
    arguments: int | None
    result: int | None
    is_mapping: bool  # the arguments have names
    values: int | None = None  # the arguments without their names
    is_call: bool = False  # `{"args": ["Paris"], "kwargs": {}}`, which is what a decorator sees

    @classmethod
    def of(cls, record: Record) -> ToolObservation:
        """Return the observation of one span."""
        given = _value(record.tool_input)
        is_call = _is_call(given)
        args, kwargs = (given.get("args"), given.get("kwargs", {})) if is_call else ((), given)
        values = [*(args or ()), *(kwargs.values() if isinstance(kwargs, Mapping) else (kwargs,))]
        return cls(
            record,
            frozenset((record.scope,)),
            _hash(given if args else kwargs),
            _hash(_value(record.tool_output)),
            isinstance(kwargs, Mapping) and not args,
            None if given is None else _hash(sorted(_hash([value]) or 0 for value in values)),
            is_call,
        )

    @property
    def is_from_messages(self) -> bool:
        """Whether nobody has recorded the run itself."""
        return self.scopes <= _FROM_MESSAGES

    @property
    def is_by_position(self) -> bool:
        """Whether some arguments have no names."""
        return self.is_call and not self.is_mapping

    @property
    def has_content(self) -> bool:
        """Whether both arguments and result are known."""
        return self.arguments is not None and self.result is not None

    def without_content(self) -> ToolObservation:
        """Return what is needed to compare it with a later one."""
        return updated(self, record=_light(self.record))


def same_tool(one: ToolObservation, other: ToolObservation) -> bool:
    """Return whether both are of the same run, by two scopes, with one name, at one time.

    ====================  ======================================================================
    the same call id      in one trace: nothing that both know differs;
                          in two: the result is the same, and so is the session
    an id on one side     in one trace, one of them from the messages: the same result and
                          arguments, as far as there are any
    ====================  ======================================================================
    """
    a, b = one.record, other.record
    if one.scopes & other.scopes or _differ(a.tool_id, b.tool_id) or not _at_one_time(one, other):
        return False
    if _differ(a.tool_name, b.tool_name):
        return False
    if a.tool_id and b.tool_id:
        if one.is_mapping and other.is_mapping and one.arguments != other.arguments:
            return False
        return a.trace_id == b.trace_id or (_same_result(one, other) and _same_session(a, b))
    return (
        a.trace_id == b.trace_id
        and one.is_from_messages is not other.is_from_messages
        and _same_result(one, other)
        and not _arguments_differ(one, other)
    )


def _arguments_differ(one: ToolObservation, other: ToolObservation) -> bool:
    if one.is_by_position is not other.is_by_position:
        return _differ(one.values, other.values)
    return _differ(one.arguments, other.arguments)


def _differ(a: Any, b: Any) -> bool:
    return a is not None and b is not None and a != b


def _same_result(one: ToolObservation, other: ToolObservation) -> bool:
    return one.result is not None and one.result == other.result


def _same_session(a: Record, b: Record) -> bool:
    return not _differ(a.session_id, b.session_id)


def _at_one_time(one: ToolObservation, other: ToolObservation) -> bool:
    """Return whether they overlap; a run ends between the answer and the request that bring it."""
    if one.is_from_messages is other.is_from_messages:
        a, b = one.record, other.record
        return max(a.start_ns, b.start_ns) <= min(a.end_ns, b.end_ns) + _TOLERANCE_NS
    asked, run = (one, other) if one.is_from_messages else (other, one)
    start, end = asked.record.start_ns, asked.record.end_ns
    return start - _TOLERANCE_NS <= run.record.end_ns <= end + _TOLERANCE_NS


_FILLED = ("tool_id", "tool_name", "session_id", "user_id", "provider", "agent_name", "error")


def joined(one: ToolObservation, other: ToolObservation) -> ToolObservation:
    """Return both, merged into one: the record of the run remains, with what both know."""
    kept, dropped = _in_order(one, other)
    run, said = kept.record, dropped.record
    has_names = kept.is_mapping and not kept.is_call
    named = dropped if dropped.is_mapping and not has_names else kept
    values: dict[str, Any] = {
        name: getattr(said, name) for name in _FILLED if getattr(run, name) is None
    }
    record = updated(
        run,
        **values,
        tool_input=run.tool_input
        if named is kept and kept.arguments is not None
        else said.tool_input,
        tool_output=run.tool_output if kept.result is not None else said.tool_output,
        is_error=run.is_error or said.is_error,
        metadata={**said.metadata, **run.metadata},
        attributes={**said.attributes, **run.attributes},
    )
    return ToolObservation(
        record,
        kept.scopes | dropped.scopes,
        named.arguments if named.arguments is not None else dropped.arguments,
        kept.result if kept.result is not None else dropped.result,
        kept.is_mapping or dropped.is_mapping,
        named.values if named.values is not None else dropped.values,
        named.is_call,
    )


def _in_order(
    one: ToolObservation, other: ToolObservation
) -> tuple[ToolObservation, ToolObservation]:
    """Return the one that remains, and the one that goes: the run, the outer, the longer one."""
    a, b = one.record, other.record
    if one.is_from_messages is not other.is_from_messages:
        return (other, one) if one.is_from_messages else (one, other)
    if a.parent_span_id == b.span_id or b.parent_span_id == a.span_id:
        return (other, one) if a.parent_span_id == b.span_id else (one, other)
    return (one, other) if a.end_ns - a.start_ns >= b.end_ns - b.start_ns else (other, one)


def _value(value: Any) -> Any:
    """Return a value that is equal for all forms in which instrumentations write it."""
    for _ in range(_MOST_NESTED):
        value = _text_of_blocks(value)
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value.strip()
    return value


def _is_call(given: Any) -> bool:
    """Return whether arguments are those of a call in Python, by position and by name."""
    if not isinstance(given, Mapping) or not given or given.keys() - _GIVEN:
        return False
    args, kwargs = given.get("args", []), given.get("kwargs", {})
    return isinstance(args, (list, tuple)) and isinstance(kwargs, Mapping)


def _text_of_blocks(value: Any) -> Any:
    """Return the text of a list of blocks with text, the form of Anthropic, Bedrock and MCP.

    LlamaIndex has such a list in an object that repeats the name and the arguments.
    """
    blocks = value if isinstance(value, list) else []
    if isinstance(value, Mapping) and isinstance(value.get("blocks"), list):
        blocks = value["blocks"] if "raw_output" in value else []
    texts = [block.get("text") if isinstance(block, Mapping) else None for block in blocks]
    known = [text for text in texts if isinstance(text, str)]
    return "\n".join(known) if known and len(known) == len(texts) else value


def _hash(value: Any) -> int | None:
    """Return a number that equal values have in common; None for what is not there."""
    if value is None or value == "":
        return None
    try:
        return hash(json.dumps(value, sort_keys=True, default=str))
    except (TypeError, ValueError, RecursionError):
        return hash(repr(value))


def _light(record: Record) -> Record:
    return Record(
        kind=record.kind,
        trace_id=record.trace_id,
        span_id=record.span_id,
        parent_span_id=record.parent_span_id,
        start_ns=record.start_ns,
        end_ns=record.end_ns,
        name=record.name,
        session_id=record.session_id,
        tool_id=record.tool_id,
        tool_name=record.tool_name,
    )
