"""Say which tool call of a model the program is carrying out, as `pulse_otel.tool` records it.

A function does not know the id of the tool call for which it runs. In the trace of the call that
asked for it, name and arguments tell; or the name alone, if one call of that name waits, and the
function has other parameters than the model was told.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import SpanContext

from pulse_otel.bounds import bounded_json
from pulse_otel.guard import tried
from pulse_otel.instrumentation.reading import loads
from pulse_otel.instrumentation.tool_evidence import ARGUMENT_BYTES, Asked
from pulse_otel.values import plain

MOST_TRACES = 10_000
"""In so many traces tool calls may be claimed; the oldest is dropped first."""
_MOST_CALLS = 256  # that wait in a trace; twice as many until they are looked through


class _Referable:
    __slots__ = ("__weakref__",)


@dataclass(slots=True, eq=False)
class ToolCall(_Referable):
    """A tool that an answer asked for."""

    call_id: str
    by: SpanContext
    asked: Asked
    arguments: str
    at_ns: int
    until: float  # time.monotonic
    objects: tuple[object, ...]  # whose `id()` is in a key: no other object gets it meanwhile
    answer: int | None = None  # the hash of the result, once it came

    @property
    def waits(self) -> bool:
        """Return whether its result may still arrive."""
        return self.answer is None and self.until > time.monotonic()

    def has(self, arguments: dict[str, Any]) -> bool:
        """Return whether these are its arguments; where content is recorded, in any order."""
        if self.arguments:
            return bool(self._asked == arguments)
        return self.asked[1] == hash(bounded_json(arguments, ARGUMENT_BYTES))

    def has_names(self, arguments: dict[str, Any]) -> bool:
        """Return whether its arguments are known, and these have the same names."""
        asked = self._asked
        return isinstance(asked, dict) and asked.keys() == arguments.keys()

    @property
    def _asked(self) -> Any:
        return loads(self.arguments, otherwise=None) if self.arguments else None


class ToolClaims:
    """Hold the tool calls that wait, by trace; weakly, and without a lock.

    Each step is one operation of a dict or a list.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, list[weakref.ref[ToolCall]]] = {}

    def add(self, call: ToolCall) -> None:
        """Let `call` be claimed."""
        waiting = self._waiting.setdefault(call.by.trace_id, [])
        waiting.append(weakref.ref(call))
        if len(waiting) > 2 * _MOST_CALLS:  # seldom, as all are looked through
            references = waiting.copy()
            waits = [one for one in references if (known := one()) is not None and known.waits]
            waiting[:] = waits[-_MOST_CALLS:]
        while len(self._waiting) > MOST_TRACES:
            self._waiting.pop(next(iter(self._waiting)), None)

    def candidates(
        self,
        trace_id: int,
        name: str,
        arguments: dict[str, Any] | None,
        call_id: str | None,
        is_taken: Callable[[ToolCall], bool],
    ) -> list[ToolCall]:
        """Return the tool calls that a run of the tool `name` may carry out, the first one first.

        `arguments` are those of the run, if they are known; `call_id` is the id, if the program
        says it.
        """
        waiting = _alive(self._waiting.get(trace_id, []))
        found = [call for call in waiting if call.asked[0] == name and not is_taken(call)]
        if call_id is not None:
            return [call for call in found if call.call_id == call_id]
        if arguments is None:
            return found if len(found) == 1 else []
        given = plain(arguments)
        same = [call for call in found if call.has(given)]
        return same or (found if len(found) == 1 and not found[0].has_names(given) else [])


def _alive(waiting: list[weakref.ref[ToolCall]]) -> Iterator[ToolCall]:
    """Yield the calls that wait, and take the others out."""
    for reference in waiting.copy():
        call = reference()
        if call is not None and call.waits:
            yield call
        else:  # by another thread it may be gone already
            tried(waiting.remove, reference, kinds=ValueError, otherwise=None)
