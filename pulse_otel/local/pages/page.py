"""Render the list of traces at `/`: the latest ones of all projects."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from pulse_otel.local.json_text import Json
from pulse_otel.local.pages import amounts
from pulse_otel.local.pages.trace_parts import answer_text, error_text, session_of, spans_of

TRACES = 100
REFRESH_S = 5
_PREVIEW_CHARACTERS = 140
# The pages show foreign text: nothing in them may load or run anything.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("pulse_otel.local.pages", "templates"), autoescape=True
)


def answer(
    request: Request, traces: Sequence[Mapping[str, Json]], total: int, *, example: str
) -> Response:
    """Render the list; if it is empty, show the template `example`, which sends a trace."""
    return render(
        "traces.html",
        traces=[_row(trace) for trace in traces],
        total=total,
        refresh_s=None if request.query_params.get("refresh") == "off" else REFRESH_S,
        url=str(request.base_url).rstrip("/"),
        example=example,
        new_id=str(uuid.uuid4()),
        now=f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
    )


def render(template: str, **values: Any) -> Response:
    """Render a template; everything in `values` is escaped."""
    return HTMLResponse(_templates.get_template(template).render(values), headers=_HEADERS)


def _row(trace: Mapping[str, Json]) -> dict[str, Any]:
    """Make the columns of one trace."""
    calls = [span for span in spans_of(trace) if span["kind"] == "llm_call"]
    error = error_text(trace.get("error")) if trace["status"] == "error" else ""
    return {
        **trace,
        "link": "/dashboard/traces/" + quote(str(trace["traceId"]), safe=""),
        "time": amounts.moment(trace["timestamp"]),
        "model": trace.get("modelUsed") or trace.get("modelRequested") or trace.get("summary"),
        "tokens": amounts.tokens(calls),
        "cost": amounts.cost(calls),
        "latency": amounts.milliseconds(trace.get("latencyMs")),
        "session": session_of(trace),
        "preview": _first_words(error or answer_text(calls)),
    }


def _first_words(text: str) -> str:
    words = " ".join(text.split())
    shown = words[:_PREVIEW_CHARACTERS]
    return shown if shown == words else f"{shown}…"
