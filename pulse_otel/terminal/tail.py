"""`pulse-otel tail`: print traces as they come, each once."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from pulse_otel.terminal.filters import Filters
from pulse_otel.terminal.json_lines import json_line
from pulse_otel.terminal.output import note, say
from pulse_otel.terminal.reading import NotReadable, Service
from pulse_otel.terminal.table import heading, written
from pulse_otel.terminal.trace import Trace
from pulse_otel.terminal.trace_table import columns_for, row_of

POLL_S = 1.0
_BEFORE_S = 900
"""A call that is stored now may have begun so long before the command did."""


class _Arrivals:
    """Finds the traces that are new since the last look.

    A trace is listed by the time when its first call began, and stored when that ended: a new one
    may be anywhere in the list, and the total says how many there are.
    """

    def __init__(self, service: Service, filters: Filters) -> None:
        since = filters.parameters.get("date_from") or str(int((time.time() - _BEFORE_S) * 1000))
        self._service = service
        self._filters = replace(filters, parameters={**filters.parameters, "date_from": since})
        self._given = filters
        self._seen = set[str]()
        self._listed = set[str]()  # by `begin`, as far back as need be

    def begin(self, latest: int) -> list[Trace]:
        """Look for the first time; return the `latest` traces, oldest first. Raises NotReadable."""
        found = self.look()
        # With conditions, all that is stored might have to be read for them.
        further = not self._given.conditions and "date_from" not in self._given.parameters
        if further and len(found) < latest:
            found = list(islice(self._service.traces(self._given), latest))[::-1]
            self._listed = {str(one.get("traceId")) for one in found}
        return found[max(0, len(found) - latest) :]

    def look(self) -> list[Trace]:
        """Return the new traces that the filters take, oldest first. Raises NotReadable.

        Without a new one, a look costs the service one trace. If it fails half way, the next look
        finds the same traces.
        """
        new: dict[str, Trace] = {}
        for page in self._service.pages(self._filters, first=1):
            unseen = {str(one.get("traceId")): one for one in page.traces}
            unseen = {name: one for name, one in unseen.items() if name not in self._seen}
            new |= {name: one for name, one in unseen.items() if name not in new}
            known = len(self._seen) + len(new)
            if known == page.total or (known > page.total and not unseen):  # some were deleted
                break
        self._seen |= new.keys()
        unlisted = [new[name] for name in reversed(new) if name not in self._listed]
        return [trace for trace in unlisted if self._filters.take(trace)]


def tail(service: Service, filters: Filters, *, latest: int, as_json: bool) -> int:
    """Print the `latest` traces, then each new one, until Ctrl-C.

    A service that goes away is waited for. Raises NotReadable if there is nothing to wait for,
    such as with a wrong key.
    """
    printer = _JsonPrinter() if as_json else _TablePrinter()
    arrivals = _Arrivals(service, filters)
    first, away = True, False
    while True:
        try:
            found = arrivals.begin(latest) if first else arrivals.look()
        except NotReadable as error:
            if not error.passing:
                raise
            if not away:
                note(f"{error}. Waiting for it.")
            away = True
        else:
            if away:
                note(f"{service.url} answers again.")
            away = False
            first = False
            printer.print(found)
        time.sleep(POLL_S)


class _JsonPrinter:
    def print(self, traces: Sequence[Trace]) -> None:
        for trace in traces:
            say(json_line(trace))
        sys.stdout.flush()


class _TablePrinter:
    """Prints rows; the terminal may have another width by then."""

    def __init__(self) -> None:
        self._titles: list[str] = []

    def print(self, traces: Sequence[Trace]) -> None:
        columns, width = columns_for()
        titles = [column.title for column in columns]
        if titles != self._titles:
            for text in heading(columns, width):
                say(text)
        self._titles = titles
        for trace in traces:
            say(written(columns, row_of(trace), width))
        sys.stdout.flush()
