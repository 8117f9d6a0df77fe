"""Decides whether two records are of one call.

Some relations are certain. Others rest on what both say, which calls may repeat: servers for
tests, and some gateways, give every answer the same id. The latter need a pairing that is one to
one, which `deduplicator` sees to.
"""

from __future__ import annotations

from enum import Enum

from pulse_otel.export.records.duplicates.models import models_agree, same_model
from pulse_otel.export.records.duplicates.observation import CallObservation
from pulse_otel.export.records.record import Record

_TOLERANCE_NS = 50_000_000  # wrappers of one call begin and end within moments of each other
_LARGEST_DIFFERENCE = 0.2  # of the longer duration: how much the intervals of siblings differ


class Relation(Enum):
    """How sure it is that two records are of one call."""

    NONE = 0
    IF_UNIQUE = 1  # they are if no other record is as likely
    CERTAIN = 2


def relation(one: CallObservation, other: CallObservation) -> Relation:
    """Return the relation of two records.

    ================  =================================================================  =======
    parent and child  the child within the parent's time                                 certain
    linked            the one call of ours that began within a span of others            certain
    siblings at once  with the same tokens, and the same answer or its id                certain
    other siblings    the same, and one within the other's time                          if unique
    one answer's id   in any trace, of one model, at overlapping times                   if unique
    ================  =================================================================  =======

    Nothing that both know may differ. Two spans of our own are never of one call, as we record each
    call once; of other instrumentations only a parent and its child are.
    """
    inner, outer = (other, one) if other.is_below(one) else (one, other)
    beneath = inner.is_below(outer)
    if not beneath and not one.scopes.isdisjoint(other.scopes):
        return Relation.NONE
    if (one.has_ours and other.has_ours) or _differ(one, other):
        return Relation.NONE
    if beneath:
        within = _within(inner.record, outer.record)
        return Relation.CERTAIN if within and _may_contain(outer, inner) else Relation.NONE
    if _texts_differ(one, other):
        return Relation.NONE
    if one.repeats_only(other) or other.repeats_only(one):
        # At any time: some frameworks say that a stream ended when they handed it out.
        return Relation.CERTAIN if _same_usage(one, other) else Relation.NONE
    return Relation.NONE if contradict(one, other) else _by_what_they_say(one, other)


def contradict(one: CallObservation, other: CallObservation) -> bool:
    """Return whether anything that both know differs."""
    return (
        _differ(one, other)
        or _texts_differ(one, other)
        or _tokens_differ(one, other)
        or _details_differ(one.record, other.record)
        or _requests_differ(one, other)
    )


def is_part(inner: CallObservation, outer: CallObservation) -> bool:
    """Return whether `inner` happened within `outer`, which may sum up several such calls."""
    if (inner.has_ours and outer.has_ours) or _differ(inner, outer):
        return False
    beneath = inner.is_below(outer) or outer.repeats(inner)
    return beneath and _within(inner.record, outer.record)


def _by_what_they_say(one: CallObservation, other: CallObservation) -> Relation:
    a, b = one.record, other.record
    same_id = _same_id(a, b)
    are_siblings = not one.parents.isdisjoint(other.parents) and _same_tokens(a, b)
    if are_siblings and (same_id or (_same_answer(one, other) and _overlap(a, b))):
        if _at_once(a, b):
            return Relation.CERTAIN
        if _within(a, b) or _within(b, a):
            return Relation.IF_UNIQUE
    if same_id and models_agree(_models(a), _models(b)) and _overlap(a, b):
        return Relation.IF_UNIQUE
    return Relation.NONE


def _differ(one: CallObservation, other: CallObservation) -> bool:
    """Return whether the ids of the answers, the models or else the providers differ."""
    a, b = one.record, other.record
    if a.response_id and b.response_id and a.response_id != b.response_id:
        return True
    if a.response_model and b.response_model:
        return not same_model(a.response_model, b.response_model)
    ours, theirs = _models(a), _models(b)
    if ours and theirs:
        return not models_agree(ours, theirs)
    return bool(a.provider and b.provider and a.provider != b.provider)


def _models(record: Record) -> list[str]:
    return [name for name in (record.model, record.response_model) if name]


def _texts_differ(one: CallObservation, other: CallObservation) -> bool:
    """Return whether the question or the answer differ, as far as both are known."""
    names = ("question", "answer", "tools")
    return any(_unlike(getattr(one, name), getattr(other, name)) for name in names)


def _requests_differ(one: CallObservation, other: CallObservation) -> bool:
    """Return whether session, user, history, instructions or a parameter differ, if both say it."""
    names = ("session", "user", "history", "system")
    if any(_unlike(getattr(one, name), getattr(other, name)) for name in names):
        return True
    return any(other.parameters.get(name, value) != value for name, value in one.parameters.items())


def _may_contain(outer: CallObservation, inner: CallObservation) -> bool:
    """Return whether a call and one beneath it may be one, though their texts may differ.

    A framework may record what it made of the question or the answer; but then the tokens are the
    same. If it differs in both, only the answer's id tells that it is one call.
    """
    both = _unlike(outer.question, inner.question) and _unlike(outer.answer, inner.answer)
    if both and not _same_id(outer.record, inner.record):
        return False
    known = outer.record.usage.input is not None and inner.record.usage.input is not None
    if _same_usage(outer, inner):
        return known or not _texts_differ(outer, inner)
    return _adds_reasoning(outer.record, inner.record) and not _texts_differ(outer, inner)


def _adds_reasoning(outer: Record, inner: Record) -> bool:
    """Return whether `outer` adds the reasoning to an output that includes it, as Google's ADK."""
    summed, counted = outer.usage, inner.usage
    if not (counted.input and counted.output and counted.reasoning):
        return False
    total = counted.output + counted.reasoning
    wanted = (counted.input, total, counted.reasoning)
    return (summed.input, summed.output, summed.reasoning) == wanted


def _same_usage(one: CallObservation, other: CallObservation) -> bool:
    """Return whether the tokens are the same, or counted in two ways for the same answer."""
    if _same_id(one.record, other.record) or _same_answer(one, other):
        return True
    return not _tokens_differ(one, other)


def _same_id(a: Record, b: Record) -> bool:
    return bool(a.response_id) and a.response_id == b.response_id


def _same_answer(one: CallObservation, other: CallObservation) -> bool:
    return one.answer is not None and one.answer == other.answer


def _unlike(a: int | None, b: int | None) -> bool:
    return a is not None and b is not None and a != b


def _tokens_differ(one: CallObservation, other: CallObservation) -> bool:
    a, b = one.record, other.record
    if a.estimates_usage or b.estimates_usage:
        return False
    return _unlike(a.usage.input, b.usage.input) or _unlike(a.usage.output, b.usage.output)


def _details_differ(a: Record, b: Record) -> bool:
    """Return whether the requested models or parts of the usage differ, if both are known."""
    if a.model and b.model and not same_model(a.model, b.model):
        return True
    pairs = ((getattr(a.usage, name), getattr(b.usage, name)) for name in _PARTS)
    return any(one and other and one != other for one, other in pairs)


_PARTS = ("cache_read", "cache_write", "reasoning")  # some instrumentations say 0 of each


def _same_tokens(a: Record, b: Record) -> bool:
    return (a.usage.input, a.usage.output) == (b.usage.input, b.usage.output)


def _within(inner: Record, outer: Record) -> bool:
    return (
        inner.start_ns >= outer.start_ns - _TOLERANCE_NS
        and inner.end_ns <= outer.end_ns + _TOLERANCE_NS
    )


def _overlap(a: Record, b: Record) -> bool:
    return max(a.start_ns, b.start_ns) < min(a.end_ns, b.end_ns)


def _at_once(a: Record, b: Record) -> bool:
    longer = max(a.end_ns - a.start_ns, b.end_ns - b.start_ns)
    tolerance = max(_TOLERANCE_NS, longer * _LARGEST_DIFFERENCE)
    return abs(a.start_ns - b.start_ns) <= tolerance and abs(a.end_ns - b.end_ns) <= tolerance
