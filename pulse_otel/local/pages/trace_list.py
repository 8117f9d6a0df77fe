"""Render the list of traces at `/`: the latest ones of all projects."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from pulse_otel.local.json_text import Json
from pulse_otel.local.pages import formatting
from pulse_otel.local.pages.rendering import REFRESH_S, render
from pulse_otel.local.pages.trace_fields import answer_text, error_text, session_of, spans_of

MAX_TRACES = 100
_PREVIEW_CHARACTERS = 140


def page(
    request: Request, traces: Sequence[Mapping[str, Json]], total: int, *, example: str
) -> Response:
    """Render the list; if it is empty, show the template `example`, which sends a trace."""
    return render(
        "trace_list.html",
        section="list",
        traces=[_row(trace) for trace in traces],
        total=total,
        refresh_s=None if request.query_params.get("refresh") == "off" else REFRESH_S,
        url=str(request.base_url).rstrip("/"),
        example=example,
        new_id=str(uuid.uuid4()),
        now=f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
    )


def _row(trace: Mapping[str, Json]) -> dict[str, Any]:
    """Make the columns of one trace."""
    calls = [span for span in spans_of(trace) if span["kind"] == "llm_call"]
    error = error_text(trace.get("error")) if trace["status"] == "error" else ""
    return {
        **trace,
        "link": "/dashboard/traces/" + quote(str(trace["traceId"]), safe=""),
        "time": formatting.moment(trace["timestamp"]),
        "model": trace.get("modelUsed") or trace.get("modelRequested") or trace.get("summary"),
        "tokens": formatting.tokens(calls),
        "cost": formatting.cost(calls),
        "latency": formatting.milliseconds(trace.get("latencyMs")),
        "session": session_of(trace),
        "preview": _preview(error or answer_text(calls)),
    }


def _preview(text: str) -> str:
    words = " ".join(text.split())
    shown = words[:_PREVIEW_CHARACTERS]
    return shown if shown == words else f"{shown}…"
