"""Render the templates, and serve the files that they load, with the headers that all share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

REFRESH_S = 5
# The pages show foreign text: nothing in them may load or run anything but our own two files.
# Images are those that a call contains; a bar's length is an inline style.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self' 'unsafe-inline';"
    " script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_FOREVER = {"Cache-Control": "max-age=31536000, immutable"}
_TYPES = {"style.css": "text/css", "page.js": "text/javascript"}
_FILES = resources.files("pulse_otel.local.pages") / "assets"
_ASSETS: Mapping[str, bytes] = {name: (_FILES / name).read_bytes() for name in _TYPES}


def asset_path(name: str) -> str:
    """Return the address of one of our files, which changes with its content."""
    return f"/assets/{hashlib.sha256(_ASSETS[name]).hexdigest()[:12]}/{name}"


_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("pulse_otel.local.pages", "templates"), autoescape=True
)
_PATHS: dict[str, Any] = {"assets": {name: asset_path(name) for name in _TYPES}}
_templates.globals.update(_PATHS)


def render(template: str, *, status: int = 200, **values: Any) -> Response:
    """Render a template; everything in `values` is escaped."""
    text = _templates.get_template(template).render(values)
    return HTMLResponse(text, status_code=status, headers=_HEADERS)


def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if request.url.path not in map(asset_path, _TYPES):
        return PlainTextResponse("404 Not Found", status_code=404)
    return Response(_ASSETS[name], media_type=_TYPES[name], headers={**_HEADERS, **_FOREVER})


ROUTES = [Route("/assets/{version}/{name}", _asset, methods=["GET"])]
