"""`pulse-otel traces`: list, show and export what is stored."""

from __future__ import annotations

from itertools import islice

from pulse_otel.terminal.filters import Filters
from pulse_otel.terminal.json_lines import json_line
from pulse_otel.terminal.output import note, say
from pulse_otel.terminal.reading import Service
from pulse_otel.terminal.table import heading, line, written
from pulse_otel.terminal.trace import Trace
from pulse_otel.terminal.trace_table import columns_for, row_of
from pulse_otel.terminal.trace_text import text_of

_SHORT = 32  # characters; an id of either generation has as many, or more
_LOOKED_AT = 1000  # traces in which the beginning of an id is looked for


def list_traces(service: Service, filters: Filters, most: int | None) -> int:
    """Print the newest traces as a table. Raises NotReadable."""
    rows = [row_of(trace) for trace in islice(service.traces(filters), most)]
    if not rows:
        note("No traces.")
        return 0
    columns, width = columns_for(rows)
    for text in (*heading(columns, width), *(written(columns, row, width) for row in rows)):
        say(text)
    return 0


def export_traces(service: Service, filters: Filters, most: int | None) -> int:
    """Print each trace as a line of JSON, as the service gives it. Raises NotReadable."""
    for trace in islice(service.traces(filters), most):
        say(json_line(trace))
    return 0


def show_trace(service: Service, trace_id: str, *, as_json: bool) -> int:
    """Print one trace, of an id or of its beginning; return 1 if there is none.

    Raises NotReadable.
    """
    trace = service.trace(trace_id)
    if trace is None and len(trace_id) < _SHORT:
        found = _beginning_with(service, trace_id)
        if len(found) > 1:
            ids = "\n".join(line(one.get("traceId")) for one in found)
            note(f"Several traces begin with {line(trace_id)}:\n{ids}")
            return 1
        trace = found[0] if found else None
    if trace is None:
        note(f"No trace {line(trace_id)} at {service.url}.")
        return 1
    for text in [json_line(trace)] if as_json else text_of(trace):
        say(text)
    return 0


def _beginning_with(service: Service, beginning: str) -> list[Trace]:
    latest = islice(service.traces(Filters()), _LOOKED_AT)
    return [one for one in latest if str(one.get("traceId")).startswith(beginning)]
