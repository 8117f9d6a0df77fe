"""Finds recorded calls by their ids, and keeps them in the order in which they came."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from pulse_otel.export.records.duplicates.observation import CallObservation
from pulse_otel.export.records.duplicates.same_call import Relation, is_part, relation
from pulse_otel.export.records.record import Record

MOST_COMPARED = 64  # of one key: thousands of calls may have one parent, or one answer's id

_Key = tuple[str, str, str]


@dataclass(slots=True, eq=False)
class Call:
    """A recorded call, the end of its hold, and the keys that find it."""

    observation: CallObservation
    until: float = 0.0
    keys: list[_Key] = field(init=False)

    def __post_init__(self) -> None:
        """Make the keys, which are asked for again and again."""
        seen, self.keys = self.observation, []
        for span in seen.ids:
            self.keys.append(("span", *span))
        for span in seen.parents:
            self.keys.append(("parent", *span))
        for span in seen.linked:
            self.keys.append(("linked", *span))
        if seen.record.response_id:
            self.keys.append(("response", seen.record.response_id, ""))

    @property
    def record(self) -> Record:
        return self.observation.record

    def keys_of_parts(self) -> Iterator[_Key]:
        """Yield the keys that find the calls within this one."""
        yield from (("parent", *span) for span in self.observation.ids)
        yield from (("span", *span) for span in self.observation.linked)

    def keys_of_related(self) -> Iterator[_Key]:
        """Yield the keys that find the calls within this one, those around it, and its siblings."""
        seen = self.observation
        yield from self.keys_of_parts()
        yield from (("span", *span) for span in seen.parents)
        yield from (("linked", *span) for span in seen.ids)
        yield from (("parent", *span) for span in seen.parents)

    def keys_of_similar(self) -> Iterator[_Key]:
        """Yield the keys that find those which may say the same."""
        if self.record.response_id:
            yield ("response", self.record.response_id, "")
        if self.observation.answer is not None:
            yield from (("parent", *span) for span in self.observation.parents)


class Calls:
    """Calls in order of arrival, found by their keys."""

    def __init__(self) -> None:
        self._calls: OrderedDict[int, Call] = OrderedDict()
        self._found: dict[_Key, list[Call]] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, call: Call) -> bool:
        return id(call) in self._calls

    def add(self, call: Call) -> None:
        """Add `call`, as the latest."""
        self._calls[id(call)] = call
        for key in call.keys:
            self._found.setdefault(key, []).append(call)

    def remove(self, call: Call) -> None:
        """Remove `call`."""
        del self._calls[id(call)]
        for key in call.keys:
            calls = self._found[key]
            calls.remove(call)
            if not calls:
                del self._found[key]

    def in_order(self) -> Iterator[Call]:
        """Yield the calls, the oldest first."""
        return iter(self._calls.values())

    def same_as(self, call: Call) -> Iterator[Call]:
        """Yield those which are certainly of the same call, among the latest: they end together."""
        for other in self._sharing(call.keys_of_related(), call):
            if relation(call.observation, other.observation) is Relation.CERTAIN:
                yield other

    def parts_of(self, call: Call) -> Iterator[Call]:
        """Yield the calls that `call` contains, if it is not one of them itself."""
        for other in self._sharing(call.keys_of_parts(), call):
            if is_part(other.observation, call.observation):
                yield other

    def like(self, call: Call) -> list[Call] | None:
        """Return those which may be of the same call; None if there are too many to tell."""
        keys = list(call.keys_of_similar())
        if any(len(self._found.get(key, ())) > MOST_COMPARED for key in keys):
            return None
        return [
            other
            for other in self._sharing(iter(keys), call)
            if relation(call.observation, other.observation) is not Relation.NONE
        ]

    def _sharing(self, keys: Iterator[_Key], call: Call) -> Iterator[Call]:
        seen: set[int] = set()
        for key in keys:
            for other in self._found.get(key, [])[-MOST_COMPARED:]:
                if id(other) not in seen and other is not call:
                    seen.add(id(other))
                    yield other
