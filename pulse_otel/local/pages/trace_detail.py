"""Render the page of one trace: its figures, the tree of its spans, their conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pulse_otel.local.json_text import Json
from pulse_otel.local.pages import formatting, trace_fields
from pulse_otel.local.pages.formatting import Span
from pulse_otel.local.pages.rendering import REFRESH_S, render
from pulse_otel.local.pages.span_detail import error_values, model, present, span_name, span_views
from pulse_otel.local.pages.timeline import timeline, wall_ms
from pulse_otel.local.storage.spans import SpanRow

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
    return render(
        "trace_detail.html",
        section="trace",
        trace_id=trace_id,
        traces=[_trace(view, rows, chosen) for view, rows in found],
        refresh_s=None if found else REFRESH_S,
    )


def _trace(view: Mapping[str, Json], rows: Sequence[SpanRow], chosen: str | None) -> dict[str, Any]:
    """Prepare one trace for the template; `chosen` is the id of the only span to show."""
    spans = trace_fields.spans_of(view)
    shown = [span for span in spans if chosen in (None, span["spanId"])]
    return {
        "title": _title(view),
        "status": view["status"],
        "error": error_values(view),
        "facts": _facts(view, spans, wall_ms(rows) if rows else None),
        "rows": _rows(rows, spans),
        "one_at_a_time": len(spans) > _MAX_SPANS,
        "alone": len(spans) == 1,
        "spans": span_views(shown[:_MAX_SPANS]),
    }


def _title(view: Mapping[str, Json]) -> Json:
    """Return what the program calls the trace, else its model, else the service's summary."""
    metadata = view.get("metadata")
    said = metadata.get("summary") if isinstance(metadata, dict) else None
    if isinstance(said, str) and said:
        return said
    return model(None, view.get("modelUsed") or view.get("modelRequested")) or view.get("summary")


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
            "Tokens": formatting.tokens(calls) or formatting.DASH,
            "Cost": formatting.cost(calls) or formatting.DASH,
            # The sum over all spans: a parent and its child both count.
            "Latency": formatting.milliseconds(latency),
            "From start to end": formatting.milliseconds(duration_ms)
            if duration_ms != latency
            else None,
            "Finish reason": only.get("finishReason"),
            "Answer id": only.get("providerRequestId"),
            "Session": trace_fields.session_of(view) or formatting.DASH,
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
            "duration": formatting.milliseconds(by_id[place.span_id].get("durationMs")),
        }
        for place in (timeline(rows) if rows else ())
    ]
