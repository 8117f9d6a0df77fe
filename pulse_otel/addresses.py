"""The address of a trace's page at the service."""

from __future__ import annotations

from urllib.parse import quote

from pulse_otel.instrumentation.last_call import RecordedCall, last_call
from pulse_otel.pipeline import service
from pulse_otel.units.current import current_trace_id


def trace_url(of: RecordedCall | str | None = None) -> str | None:
    """Return the address of the page of a trace, at the service that `init_pulse` names.

    It sends no request, so the page may not exist yet. Return None before `init_pulse`, without
    such a trace, and if spans go to a Collector. A legacy service has pages for calls, not for
    traces: by default the result is the page of the last call, and for a trace id it is None.

    Args:
        of: A trace id, or a `last_call()`; by default, the current trace, else that of the last
            call.

    Raises:
        TypeError: `of` is something else.
    """
    if of is not None and not isinstance(of, (str, RecordedCall)):  # pyright: ignore[reportUnnecessaryIsInstance]
        kind = type(of).__name__
        raise TypeError(f"trace_url: expected a trace id or a last_call(), got {kind}")
    found = service()
    if found is None:
        return None
    url, form = found
    if form == "traces":
        page = _page_of_call(last_call() if of is None else of)
    else:
        if of is None:
            of = current_trace_id() or last_call()
        page = of.trace_id if isinstance(of, RecordedCall) else of
    return f"{url}/dashboard/traces/{quote(page, safe='')}" if page else None


def _page_of_call(call: RecordedCall | str | None) -> str | None:
    from pulse_otel.export.payloads.traces import trace_id_of

    if not isinstance(call, RecordedCall):
        return None
    return trace_id_of(f"{call.trace_id}/{call.span_id}")
