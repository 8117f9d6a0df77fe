"""The page at `/`: the latest traces of all projects, in either form of the service."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from pulse_otel.local.json_text import Json

TRACES = 100
_PREVIEW_CHARACTERS = 140
# The page shows what others sent: nothing in it may load or run anything.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
}
_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("pulse_otel.local", "templates"), autoescape=True
)


def answer(
    request: Request, traces: Sequence[Mapping[str, Json]], total: int, *, example: str
) -> Response:
    """The page with `traces`; without any, the template `example` shows how to send one."""
    html = _templates.get_template("traces.html").render(
        traces=[_row(trace) for trace in traces],
        total=total,
        url=str(request.base_url).rstrip("/"),
        example=example,
        new_id=str(uuid.uuid4()),
        now=f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
    )
    return HTMLResponse(html, headers=_HEADERS)


def _row(trace: Mapping[str, Json]) -> dict[str, Json]:
    """The few columns of a trace that the page lists."""
    tokens = [trace.get("inputTokens"), trace.get("outputTokens")]
    text = trace.get("outputText") or _error_text(trace.get("error"))
    model = trace.get("modelUsed") or trace.get("modelRequested") or trace.get("summary")
    return {
        **trace,
        "time": str(trace["timestamp"])[:19].replace("T", " "),
        "model": model,
        "tokens": None if None in tokens else " → ".join(f"{count:,}" for count in tokens),
        "cost": _dollars(trace.get("costCents")),
        "preview": _first_words(text) if isinstance(text, str) else "",
    }


def _dollars(cents: Json) -> str | None:
    """Dollars with 4 decimals (contract §3.7), but a tiny cost does not look like none."""
    if not isinstance(cents, (int, float)):
        return None
    return "< $0.0001" if 0 < cents < 0.01 else f"${cents / 100:,.4f}"


def _error_text(error: Json) -> Json:
    return error.get("message") if isinstance(error, dict) else error


def _first_words(text: str) -> str:
    words = " ".join(text.split())
    shown = words[:_PREVIEW_CHARACTERS]
    return shown if shown == words else f"{shown}…"
