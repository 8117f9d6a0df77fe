"""Render the page of one trace: its figures, the tree of its spans, their conversations."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pulse_otel.local.json_text import Json
from pulse_otel.local.pages import figures, formatting, paths, trace_fields
from pulse_otel.local.pages.formatting import Span
from pulse_otel.local.pages.list_address import Address, read_address
from pulse_otel.local.pages.rendering import REFRESH_S, render
from pulse_otel.local.pages.span_detail import error_values, model, present, span_name, span_views
from pulse_otel.local.pages.timeline import ticks, timeline, wall_ms
from pulse_otel.local.storage.spans import SpanRow
from pulse_otel.local.storage.trace_list import Row, TraceList

_MAX_SPANS = 50  # a longer trace shows one span at a time


def page(
    request: Request,
    trace_id: str,
    found: Sequence[tuple[Mapping[str, Json], Sequence[SpanRow]]],
) -> Response:
    """Render trace `trace_id`, once for each project in `found`, from its view and its spans.

    In the legacy form there are no spans. If `found` is empty, the trace may still be stored: the
    page reloads.
    """
    chosen = request.query_params.get("span")
    address = read_address(request.query_params)
    rows = [_list_row(request, view, address) for view, _ in found]
    return render(
        "trace_detail.html",
        section="trace",
        trace_id=trace_id,
        traces=[
            _trace(view, spans, chosen, row) for (view, spans), row in zip(found, rows, strict=True)
        ],
        around=_around(request, rows[0], address) if found else {},
        back=address.at(),
        refresh_s=None if found else REFRESH_S,
    )


def _list_row(request: Request, view: Mapping[str, Json], address: Address) -> Row | None:
    """Return the row of the trace in the list; None if lists hide it."""
    project = trace_fields.spans_of(view)[0].get("projectId")
    traces: TraceList = request.app.state.list
    return traces.row(str(project), str(view["traceId"]), address.order)


def _around(request: Request, row: Row | None, address: Address) -> dict[str, str]:
    """Return the links to the traces before and after this one in the list that led here."""
    if row is None:
        return {}
    traces: TraceList = request.app.state.list
    links: dict[str, str] = {}
    for name, reverse in (("prev", True), ("next", False)):
        key = (row["value"], row["seq"])
        query = dataclasses.replace(address.query(keyed=False), key=key, reverse=reverse)
        for found in traces.page(query, 1):
            links[name] = address.at(paths.of_trace(found["trace_id"]))
    return links


def _trace(
    view: Mapping[str, Json], rows: Sequence[SpanRow], chosen: str | None, listed: Row | None
) -> dict[str, Any]:
    """Prepare one trace for the template; `chosen` is the id of the only span to show."""
    spans = trace_fields.spans_of(view)
    shown = [span for span in spans if chosen in (None, span["spanId"])]
    duration_ms = wall_ms(rows) if rows else None
    return {
        "title": _title(view, spans, listed),
        "model": view.get("modelUsed") or view.get("modelRequested"),
        "status": view["status"],
        "error": error_values(view),
        "facts": _facts(view, spans, duration_ms),
        "links": _links(view, spans),
        "rows": _rows(rows, spans) if len(spans) > 1 else [],
        "ticks": ticks(duration_ms or 0),
        "one_at_a_time": len(spans) > _MAX_SPANS,
        "alone": len(spans) == 1,
        "spans": span_views(shown[:_MAX_SPANS]),
    }


def _title(view: Mapping[str, Json], spans: Sequence[Span], listed: Row | None) -> str:
    """Return what the program calls the trace, else its question, its model, its span's name."""
    metadata = view.get("metadata")
    said = metadata.get("summary") if isinstance(metadata, dict) else None
    asked = listed and (listed["summary"] or listed["question"])
    title = said if isinstance(said, str) and said else asked
    used = model(None, view.get("modelUsed") or view.get("modelRequested"))
    return str(title or used or span_name(spans[0]) or view.get("summary"))


def _links(view: Mapping[str, Json], spans: Sequence[Span]) -> dict[str, str]:
    """Return where the values of some facts lead."""
    session, user = trace_fields.session_of(view), figures.user(spans)
    links = {"Session": paths.of_session(str(session))} if session else {}
    return links | ({"User": Address({"user": user}).at()} if user else {})


def _facts(
    view: Mapping[str, Json], spans: Sequence[Span], duration_ms: int | None
) -> dict[str, str]:
    calls = [span for span in spans if span["kind"] == "llm_call"]
    latency = view.get("latencyMs")
    services = view.get("services")
    only: Span = spans[0] if len(spans) == 1 else {}
    return present(
        {
            "Time (UTC)": formatting.moment(view["timestamp"]),
            "Provider": view.get("provider"),
            "Model": model(view.get("modelRequested"), view.get("modelUsed")),
            "Tokens": figures.tokens(calls) or formatting.DASH,
            "Cost": formatting.cost(calls) or formatting.DASH,
            # The sum over all spans: a parent and its child both count.
            "Latency": formatting.milliseconds(latency),
            "From start to end": formatting.milliseconds(duration_ms)
            if duration_ms != latency
            else None,
            "Finish reason": only.get("finishReason"),
            **(figures.of_call(only) if only else {}),
            "Answer id": only.get("providerRequestId"),
            "Session": trace_fields.session_of(view) or formatting.DASH,
            "User": figures.user(spans),
            "Service": ", ".join(map(str, services)) if isinstance(services, list) else None,
            "Trace": view["traceId"],
        }
    )


def _rows(rows: Sequence[SpanRow], spans: Sequence[Span]) -> list[dict[str, Any]]:
    """Prepare the rows of the timeline."""
    by_id = {span["spanId"]: span for span in spans}
    return [
        {
            "place": place,
            "span": by_id[place.span_id],
            "name": span_name(by_id[place.span_id]),
            "failed": by_id[place.span_id]["status"] == "error",
            "tokens": formatting.tokens([by_id[place.span_id]]),
            "duration": formatting.milliseconds(by_id[place.span_id].get("durationMs")),
        }
        for place in (timeline(rows) if rows else ())
    ]
