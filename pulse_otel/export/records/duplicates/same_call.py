"""Decides whether two records are of one call, and merges those that are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pulse_otel.export.records.record import Record, Usage

_TOLERANCE_NS = 50_000_000  # wrappers of one call begin and end within moments of each other
_LARGEST_DIFFERENCE = 0.2  # of the longer duration: how much the intervals of siblings differ
_OURS = "pulse_otel."


@dataclass(frozen=True, slots=True)
class CallObservation:
    """A call as it was recorded: the record, the ids of its spans, and their scopes."""

    record: Record
    ids: frozenset[str]
    scopes: frozenset[str]

    @classmethod
    def of(cls, record: Record) -> CallObservation:
        """Return the observation of one span."""
        return cls(record, frozenset((record.span_id,)), frozenset((record.scope,)))

    @property
    def has_ours(self) -> bool:
        """Whether one of the spans is our own."""
        return any(scope.startswith(_OURS) for scope in self.scopes)

    def is_below(self, other: CallObservation) -> bool:
        """Return whether a span of `other` is the parent."""
        return self.record.parent_span_id in other.ids

    def joined(self, other: CallObservation) -> CallObservation:
        """Return both, merged into one record."""
        pairs = ((self, other), (other, self))
        outer = next((out.record for inner, out in pairs if inner.is_below(out)), None)
        both = merged(self.record, other.record, outer)
        return CallObservation(both, self.ids | other.ids, self.scopes | other.scopes)


def same_call(one: CallObservation, other: CallObservation) -> bool:
    """Return whether both are of the same call.

    =================  =========================================================================
    parent and child   the child within the parent's time, the same model, or provider
    one answer         the same response id, of two instrumentations, one within the other's time
    siblings           of two instrumentations, at the same time, and, where one has no response
                       id, the same text and tokens
    =================  =========================================================================

    Two spans of our own are never of one call: we record each call once.
    """
    a, b = one.record, other.record
    if one.has_ours and other.has_ours:
        return False
    if a.trace_id != b.trace_id or _differ(a.response_id, b.response_id) or not _like(a, b):
        return False
    if one.is_below(other):
        return _within(a, b)
    if other.is_below(one):
        return _within(b, a)
    if one.scopes & other.scopes:
        return False
    if a.response_id and a.response_id == b.response_id:
        return _within(a, b) or _within(b, a)
    return a.parent_span_id == b.parent_span_id and _at_once(a, b) and _say_the_same(a, b)


def _differ(a: str | None, b: str | None) -> bool:
    return bool(a and b and a != b)


def _like(a: Record, b: Record) -> bool:
    """Return whether the models fit, or else the providers, as far as they are known."""
    if a.response_model and b.response_model:
        return _same_model(a.response_model, b.response_model)
    ours = [name for name in (a.model, a.response_model) if name]
    theirs = [name for name in (b.model, b.response_model) if name]
    if any(_same_model(one, other) for one in ours for other in theirs):
        return True
    return a.provider == b.provider or not (a.provider and b.provider)


def _same_model(a: str, b: str) -> bool:
    """Return whether both name one model, as `gpt-4o` and `openai/gpt-4o-2024-08-06` do."""
    a, b = a.rpartition("/")[2].lower(), b.rpartition("/")[2].lower()
    return a.startswith(b) or b.startswith(a)


def _within(inner: Record, outer: Record) -> bool:
    return (
        inner.start_ns >= outer.start_ns - _TOLERANCE_NS
        and inner.end_ns <= outer.end_ns + _TOLERANCE_NS
    )


def _at_once(a: Record, b: Record) -> bool:
    longer = max(a.end_ns - a.start_ns, b.end_ns - b.start_ns)
    tolerance = max(_TOLERANCE_NS, longer * _LARGEST_DIFFERENCE)
    return abs(a.start_ns - b.start_ns) <= tolerance and abs(a.end_ns - b.end_ns) <= tolerance


def _say_the_same(a: Record, b: Record) -> bool:
    tokens = (a.usage.input, a.usage.output) == (b.usage.input, b.usage.output)
    return bool(a.output_text) and a.output_text == b.output_text and tokens


def completeness_score(record: Record) -> float:
    """Return a score of how much a record holds; our own record wins a draw."""
    usage = sum(getattr(record.usage, name) is not None for name in Usage.__slots__)
    content = 4 * bool(record.output_text) + 4 * _has_content(record.request)
    others = (
        record.response_id,
        record.response_model,
        record.finish_reason,
        record.session_id,
        record.user_id,
        record.service_tier,
        record.error,
    )
    details = usage + sum(map(bool, others)) + len(record.attributes) / 10
    return content + details + record.scope.startswith(_OURS) / 2


def _has_content(request: Mapping[str, Any] | None) -> bool:
    return any(name in (request or {}) for name in ("messages", "input", "prompt"))


_FILLED = (
    "provider",
    "model",
    "response_model",
    "response_id",
    "session_id",
    "user_id",
    "service_tier",
    "speed",
    "inference_geo",
    "server",
    "finish_reason",
    "output_text",
    "agent_name",
    "reported_cost_cents",
)


def merged(a: Record, b: Record, outer: Record | None) -> Record:
    """Return the more complete of two records of one call, completed from the other.

    It takes the place of the `outer` one in the trace, and is an error if that is: the program did
    not see what happened within, such as a retry. Siblings have no `outer` one.
    """
    winner, loser = (a, b) if completeness_score(a) >= completeness_score(b) else (b, a)
    outer = outer or winner
    return replace(
        winner,
        **_gaps(winner, loser, _FILLED),
        parent_span_id=outer.parent_span_id,
        usage=replace(winner.usage, **_gaps(winner.usage, loser.usage, Usage.__slots__)),
        request=loser.request
        if _has_content(loser.request) and not _has_content(winner.request)
        else winner.request,
        response=winner.response if winner.output_text else loser.response or winner.response,
        is_error=outer.is_error,
        error={**(loser.error or {}), **(winner.error or {})} or None if outer.is_error else None,
        metadata={**loser.metadata, **winner.metadata},
        attributes={**loser.attributes, **winner.attributes},
    )


def _gaps(winner: Any, loser: Any, names: Iterable[str]) -> dict[str, Any]:
    """Return the values that only the loser has."""
    pairs = {name: (getattr(winner, name), getattr(loser, name)) for name in names}
    return {name: theirs for name, (own, theirs) in pairs.items() if own is None}
