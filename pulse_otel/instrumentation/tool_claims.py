"""Say which tool call of a model the program is carrying out, as `pulse_otel.tool` records it.

A function does not know the id of the tool call for which it runs. In the trace of the call that
asked for it, name and arguments tell; or the name alone, if one call of that name waits.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import SpanContext

from pulse_otel.bounds import bounded_json
from pulse_otel.instrumentation.reading import loads
from pulse_otel.instrumentation.tool_evidence import Asked
from pulse_otel.values import plain

MOST_NAMES = 10_000
"""The most names of tools that wait, of all traces; the oldest is dropped first."""
_MOST_CALLS = 256  # that wait under one name


@dataclass(eq=False)
class ToolCall:
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
        """Return whether these are its arguments, in any order."""
        if self.arguments:
            return bool(loads(self.arguments, otherwise=None) == arguments)
        return self.asked[1] == hash(bounded_json(arguments, 4096))


_Waiting = list["weakref.ref[ToolCall]"]


class ToolClaims:
    """Hold the tool calls that no run has claimed, by trace and name; weakly, and without a lock.

    Each step is one operation of a dict or a list.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, str], _Waiting] = {}

    def add(self, call: ToolCall) -> None:
        """Let `call` be claimed."""
        waiting = self._waiting.setdefault((call.by.trace_id, call.asked[0]), [])
        waiting.append(weakref.ref(call))
        if len(waiting) > _MOST_CALLS:
            waiting.pop(0)
        while len(self._waiting) > MOST_NAMES:
            self._waiting.pop(next(iter(self._waiting)), None)

    def claim(
        self, trace_id: int, name: str, arguments: dict[str, Any] | None, call_id: str | None
    ) -> ToolCall | None:
        """Return the tool call that a run of the tool `name` carries out; no other run gets it.

        `call_id` is its id, if the program says so; else `arguments` or the name must tell.
        """
        waiting = self._waiting.get((trace_id, name))
        if not waiting:
            return None
        found = list(_alive(waiting))
        if call_id is not None:
            fitting = [call for call in found if call.call_id == call_id]
        else:
            given = None if arguments is None else plain(arguments)
            same = [call for call in found if given is not None and call.has(given)]
            fitting = same or (found if len(found) == 1 else [])
        return next((call for call in fitting if _taken(waiting, call)), None)


def _alive(waiting: _Waiting) -> Iterator[ToolCall]:
    for reference in waiting.copy():
        call = reference()
        if call is None or not call.waits:
            _removed(waiting, reference)
        else:
            yield call


def _taken(waiting: _Waiting, call: ToolCall) -> bool:
    """Take `call` out; of two threads, one does."""
    return next((_removed(waiting, it) for it in waiting.copy() if it() is call), False)


def _removed(waiting: _Waiting, reference: weakref.ref[ToolCall]) -> bool:
    try:
        waiting.remove(reference)
    except ValueError:  # by another thread
        return False
    return True
