"""Merges two records of one call: the more complete one remains, completed from the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pulse_otel.export.records.duplicates.observation import CallObservation
from pulse_otel.export.records.record import COUNTS, UNKNOWN_USAGE, Record, updated


def merged(one: CallObservation, other: CallObservation) -> CallObservation:
    """Return both observations of one call as one.

    The record stands where the outer one does, or else the one in the tree of a framework; it is an
    error if the outer one is: the program did not see what happened within, such as a retry. Where
    one is ours, the tokens are, which are the provider's own, and so are session and user.
    """
    a, b = one.record, other.record
    winner, loser = (a, b) if completeness_score(a) >= completeness_score(b) else (b, a)
    outer = _outer(one, other) or (one if _starts_first(a, b) else other)
    place = _place(one, other)
    told, also = _by_us(one, other) or (winner, loser)
    counted, repeated = (also, told) if told.usage == UNKNOWN_USAGE else (told, also)
    counts = updated(counted.usage, **_gaps(counted.usage, repeated.usage, COUNTS))
    estimated = repeated.estimates_usage and counted.usage != UNKNOWN_USAGE
    record = updated(
        winner,
        **_gaps(winner, loser, _FILLED),
        **{name: getattr(told, name) or getattr(also, name) for name in ("session_id", "user_id")},
        trace_id=place.trace_id,
        span_id=place.span_id,
        parent_span_id=place.parent_span_id,
        is_shared=place.is_shared,
        usage=counted.usage if estimated else counts,
        estimates_usage=counted.estimates_usage,
        reported_cost_cents=counted.reported_cost_cents
        if estimated or counted.reported_cost_cents is not None
        else repeated.reported_cost_cents,
        request=loser.request
        if _has_content(loser.request) and not _has_content(winner.request)
        else winner.request,
        response=winner.response if winner.output_text else loser.response or winner.response,
        is_error=outer.record.is_error,
        error={**(loser.error or {}), **(winner.error or {})} or None
        if outer.record.is_error
        else None,
        metadata={**loser.metadata, **winner.metadata},
        attributes={**loser.attributes, **winner.attributes},
    )
    return one.joined(other, record)


def _outer(one: CallObservation, other: CallObservation) -> CallObservation | None:
    """Return the one whose span is the parent of a span of the other."""
    pairs = ((one, other), (other, one))
    return next((outer for inner, outer in pairs if inner.is_below(outer)), None)


def _starts_first(a: Record, b: Record) -> bool:
    return (a.start_ns, -a.end_ns) <= (b.start_ns, -b.end_ns)


def _place(one: CallObservation, other: CallObservation) -> Record:
    """Return the record in whose place of the trace the merged one stands."""
    if shared := next((seen.record for seen in (one, other) if seen.record.is_shared), None):
        return shared
    outer = _outer(one, other)
    if outer is not None:
        return outer.record
    first, second = (one, other) if _starts_first(one.record, other.record) else (other, one)
    return max((first, second), key=_depth).record


def _depth(seen: CallObservation) -> tuple[bool, bool]:
    """Return what is greatest in the tree of a framework, and least at the root of another trace.

    Of two roots ours stays: the program may have been told its trace.
    """
    beneath = seen.record.parent_span_id is not None
    only_ours = seen.has_ours and len(seen.scopes) == 1
    return beneath, beneath != only_ours


def _by_us(one: CallObservation, other: CallObservation) -> tuple[Record, Record] | None:
    """Return our record and the other one, if one of them is ours."""
    if one.has_ours == other.has_ours:
        return None
    return (one.record, other.record) if one.has_ours else (other.record, one.record)


def completeness_score(record: Record) -> float:
    """Return a score of how much a record holds; our own record wins a draw."""
    usage = sum(getattr(record.usage, name) is not None for name in COUNTS)
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
    return content + details + record.scope.startswith("pulse_otel.") / 2


def _has_content(request: Mapping[str, Any] | None) -> bool:
    return any(name in (request or {}) for name in ("messages", "input", "prompt"))


_FILLED = (
    "provider",
    "model",
    "response_model",
    "response_id",
    "service_tier",
    "speed",
    "inference_geo",
    "server",
    "finish_reason",
    "output_text",
    "agent_name",
)


def _gaps(winner: Any, loser: Any, names: Iterable[str]) -> dict[str, Any]:
    """Return the values that only the loser has."""
    pairs = {name: (getattr(winner, name), getattr(loser, name)) for name in names}
    return {name: theirs for name, (own, theirs) in pairs.items() if own is None}
