"""Render the templates, with the headers that all pages share."""

from __future__ import annotations

from typing import Any

import jinja2
from starlette.responses import HTMLResponse, Response

REFRESH_S = 5
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


def render(template: str, **values: Any) -> Response:
    """Render a template; everything in `values` is escaped."""
    return HTMLResponse(_templates.get_template(template).render(values), headers=_HEADERS)
