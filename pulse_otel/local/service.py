"""The development trace service: the wire contract of Pulse's current generation, on SQLite.

An application without a server: whoever runs it decides where it listens. Any key that starts
with `pulse_sk_` is accepted and has a project of its own; the key itself is never kept.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import unquote

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pulse_otel.local import reading
from pulse_otel.local.ingest import ExportRefused, Ingested, read_export
from pulse_otel.local.store import Store, Writer

KEY_PREFIX = "pulse_sk_"
MAX_BODY_BYTES = 134_217_728
_DEFAULT_LIMIT = 100
_PAGE_TRACES = 100
_API_PREFIXES = ("/v1/", "/api/")
# The page shows what others sent: nothing in it may load or run anything.
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
}
_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("pulse_otel.local", "templates"), autoescape=True
)


class _ApiError(Exception):
    """An answer other than success, in the service's own JSON form (contract §1)."""

    def __init__(self, status: int, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": message, **more}


def create_app(db: str = ":memory:") -> Starlette:
    """The service as an ASGI application, its spans in the SQLite database `db`."""
    app = Starlette(
        routes=_ROUTES,
        middleware=[Middleware(_UndecodedPath)],
        exception_handlers=_EXCEPTION_HANDLERS,
    )
    # A trailing slash is another path, and no path is redirected (contract §1).
    app.router.redirect_slashes = False
    app.state.store = Store(db)
    app.state.writer = Writer(app.state.store)
    return app


class _UndecodedPath:
    """Routes by the path as it was sent: a session id may hold an encoded slash (§3.5)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw_path: bytes = scope.get("raw_path") or b""
        if raw_path:
            scope = {**scope, "path": raw_path.decode("latin-1")}
        await self._app(scope, receive, send)


async def _receive_traces(request: Request) -> Response:
    """`POST /v1/traces`: 200 means that the accepted spans are queued (contract §3)."""
    _refuse_large(int(request.headers.get("Content-Length") or 0))
    project_id = _project(request)
    body = await _body(request)
    try:
        ingested = await run_in_threadpool(
            read_export, body, project_id=project_id, now_ms=time.time_ns() // 1_000_000
        )
    except ExportRefused as refusal:
        raise _ApiError(400, str(refusal)) from refusal
    if not _writer(request).put(ingested.rows):
        raise _ApiError(503, "Failed to enqueue span")
    return JSONResponse(_ingest_answer(ingested))


def _ingest_answer(ingested: Ingested) -> dict[str, object]:
    """`{}`, or how many spans were rejected with the first one's message (contract §3)."""
    if not ingested.rejections:
        return {}
    first = ingested.rejections[0]
    return {"partialSuccess": {"rejectedSpans": len(ingested.rejections), "errorMessage": first}}


def _login(request: Request) -> Response:
    """`POST /v1/auth/login`: whether the key would be accepted; always a 200 (contract §0)."""
    try:
        _project(request)
    except _ApiError:
        return JSONResponse({"authenticated": False})
    return JSONResponse({"authenticated": True})


def _list_traces(request: Request) -> Response:
    filters = {"project_id": _project(request), **_query(request, reading.TRACE_FILTERS)}
    if "status" in filters:
        filters["trace_status"] = filters.pop("status")
    limit, offset = _limit_and_offset(request)
    traces, total = _store(request).trace_page(filters, limit, offset)
    return JSONResponse(
        {
            "traces": [reading.trace_view(spans) for spans in traces],
            "total": total,
            "limit": limit,
            "offset": offset,
        }
    )


def _list_spans(request: Request) -> Response:
    filters = {"project_id": _project(request), **_query(request, reading.SPAN_FILTERS)}
    limit, offset = _limit_and_offset(request)
    spans, total = _store(request).span_page(filters, limit, offset)
    return JSONResponse(
        {
            "spans": [reading.span_view(span) for span in spans],
            "total": total,
            "limit": limit,
            "offset": offset,
        }
    )


def _one_trace(request: Request) -> Response:
    filters = {"project_id": _project(request), "trace_id": _path_id(request)}
    spans = _store(request).trace(filters)
    if not spans:
        raise _ApiError(404, "Trace not found")
    return JSONResponse(reading.trace_view(spans))


def _one_span(request: Request) -> Response:
    filters = {"project_id": _project(request), "span_id": _path_id(request)}
    spans = _store(request).spans(filters)
    if not spans:
        raise _ApiError(404, "Span not found")
    return JSONResponse(reading.span_view(spans[0]))


def _one_session(request: Request) -> Response:
    filters = {"project_id": _project(request), "session_id": _path_id(request)}
    spans = _store(request).trace(filters)
    if not spans:
        raise _ApiError(404, "Session not found")
    return JSONResponse(reading.session_view(filters["session_id"], spans))


def _session_spans(request: Request) -> Response:
    filters = {"project_id": _project(request), "session_id": _path_id(request)}
    spans = _store(request).trace(filters)
    if not spans:
        raise _ApiError(404, "Session not found")
    views = [reading.span_view(span) for span in spans]
    return JSONResponse({"sessionId": filters["session_id"], "spans": views})


def _health(request: Request) -> Response:
    return JSONResponse({"status": "ok", "service": "pulse"})


def _page(request: Request) -> Response:
    """The traces of all projects; also the answer to any other GET outside of the API (§1)."""
    if f"{request.url.path}/".startswith(_API_PREFIXES):
        return _not_found(request, HTTPException(404))
    traces, total = _store(request).trace_page({}, _PAGE_TRACES)
    rows = [reading.page_row(spans) for spans in traces]
    html = _templates.get_template("traces.html").render(
        traces=rows, total=total, url=str(request.base_url).rstrip("/")
    )
    return HTMLResponse(html, headers=_PAGE_HEADERS)


def _project(request: Request) -> str:
    """The project of the request's key, made from its hash; 401 without a valid key (§1)."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not key or key.startswith(" "):
        raise _ApiError(401, "Missing or invalid Authorization header")
    if not key.startswith(KEY_PREFIX):
        raise _ApiError(401, "Invalid API key")
    return str(uuid.uuid5(uuid.NAMESPACE_URL, hashlib.sha256(key.encode()).hexdigest()))


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        _refuse_large(len(body))
    return bytes(body)


def _refuse_large(size: int) -> None:
    if size > MAX_BODY_BYTES:
        raise HTTPException(413)


def _query(request: Request, parsers: Mapping[str, reading.Parser]) -> dict[str, str | int]:
    try:
        return reading.parse_query(request.query_params, parsers)
    except reading.BadParameter as error:
        detail = {"path": [error.name], "message": str(error)}
        raise _ApiError(400, "Validation failed", details=[detail]) from error


def _limit_and_offset(request: Request) -> tuple[int, int]:
    page = _query(request, reading.PAGE)
    return int(page.get("limit", _DEFAULT_LIMIT)), int(page.get("offset", 0))


def _path_id(request: Request) -> str:
    return unquote(str(request.path_params["id"]))


def _store(request: Request) -> Store:
    return cast(Store, request.app.state.store)


def _writer(request: Request) -> Writer:
    return cast(Writer, request.app.state.writer)


def _refusal(request: Request, error: Exception) -> Response:
    refusal = cast(_ApiError, error)
    return JSONResponse(refusal.body, status_code=refusal.status)


def _not_found(request: Request, error: Exception) -> Response:
    """An unknown path and a wrong method are the same plain text (contract §1)."""
    return PlainTextResponse("404 Not Found", status_code=404)


def _too_large(request: Request, error: Exception) -> Response:
    return Response(status_code=413, headers={"Connection": "close"})


def _failure(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "Internal server error"}, status_code=500)


_EXCEPTION_HANDLERS: dict[Any, Callable[[Request, Exception], Response]] = {
    _ApiError: _refusal,
    404: _not_found,
    405: _not_found,
    413: _too_large,
    500: _failure,
}

_ROUTES = [
    Route("/v1/traces", _receive_traces, methods=["POST"]),
    Route("/v1/auth/login", _login, methods=["POST"]),
    Route("/v1/traces", _list_traces, methods=["GET"]),
    Route("/v1/traces/{id}", _one_trace, methods=["GET"]),
    Route("/v1/spans", _list_spans, methods=["GET"]),
    Route("/v1/spans/{id}", _one_span, methods=["GET"]),
    Route("/v1/sessions/{id}", _one_session, methods=["GET"]),
    Route("/v1/sessions/{id}/spans", _session_spans, methods=["GET"]),
    Route("/health", _health, methods=["GET"]),
    Route("/{rest:path}", _page, methods=["GET"]),
]
