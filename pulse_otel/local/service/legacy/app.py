"""Route the requests of the development trace service, legacy generation (contract §2).

`POST /v1/traces` is a 404 here, as the paths for arrays are in the current generation.
"""

from __future__ import annotations

import dataclasses
from typing import TypeAlias, cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pulse_otel.local.pages import texts, trace_detail, trace_list
from pulse_otel.local.service import (
    analytics_routes,
    page_routes,
    plain_spans,
    query,
    span_routes,
    web,
)
from pulse_otel.local.service.legacy.ingest import read_traces
from pulse_otel.local.service.page_routes import Pages
from pulse_otel.local.service.views import View, camel_case, iso
from pulse_otel.local.service.web import JsonAnswer
from pulse_otel.local.storage import analytics, conversations, usage
from pulse_otel.local.storage.legacy_traces import LegacyStore, TraceRow
from pulse_otel.local.storage.spans import Store
from pulse_otel.local.storage.trace_list import TraceList
from pulse_otel.local.storage.writer import Writer

Upload: TypeAlias = "list[TraceRow]"


def create_legacy_app(db: str = ":memory:") -> Starlette:
    """Make the service as an ASGI application with its traces in the SQLite database `db`."""
    app = web.new_app(_ROUTES, trace_list.page)
    app.state.store = LegacyStore(db, texts.of_legacy)
    app.state.list = TraceList(app.state.store.select, "legacy_summaries", "traces")
    app.state.example = "first_legacy_trace.txt"
    app.state.writer = Writer(app.state.store.insert_queued)
    app.state.spans = Store(db)
    app.state.span_writer = Writer(app.state.spans.insert)
    return app


async def _receive_batch(request: Request) -> Response:
    """Answer `POST /v1/traces/batch` with the traces, once they are stored (contract §2.2)."""
    rows = await _accepted(request)
    if not await run_in_threadpool(_store(request).insert, rows):
        # The real service does not check for a repeated trace: the database's error shows.
        raise web.ApiError(500, "Internal server error")
    answer = {"count": len(rows), "traces": [_view(row) for row in rows]}
    return JsonAnswer(answer, status_code=202)


async def _receive_async(request: Request) -> Response:
    """Answer `POST /v1/traces/async`: queue the traces; a repeat is no error (contract §2.4)."""
    rows = await _accepted(request)
    if not _writer(request).put([rows]):
        raise web.ApiError(500, "Internal server error")
    return JsonAnswer({"status": "queued", "count": len(rows)}, status_code=202)


async def _accepted(request: Request) -> Upload:
    return await web.items(request, lambda body, project: read_traces(body, project_id=project))


def _list_traces(request: Request) -> Response:
    filters, limit, offset = web.list_query(request, query.LEGACY_FILTERS)
    rows, total = _store(request).page(filters, limit, offset)
    return web.list_answer("traces", [_view(row) for row in rows], total, limit, offset)


def _one_trace(request: Request) -> Response:
    filters = {"project_id": web.project(request), "trace_id": web.path_id(request)}
    rows = _store(request).traces(filters)
    if not rows:
        raise web.ApiError(404, "Trace not found")
    return JsonAnswer(_view(rows[0]))


def _one_session(request: Request) -> Response:
    filters = {"project_id": web.project(request), "session_id": web.path_id(request)}
    rows = _store(request).traces(filters)
    if not rows:
        raise web.ApiError(404, "Session not found")
    views = [_view(row) for row in reversed(rows)]
    return JsonAnswer({"sessionId": filters["session_id"], "traces": views})


def _trace_page(request: Request) -> Response:
    """Answer `GET /dashboard/traces/:id` from all projects: the page needs no key."""
    trace_id = web.path_id(request)
    found = [(_view(row), ()) for row in _store(request).traces({"trace_id": trace_id})]
    return trace_detail.page(request, trace_id, found)


def _call(store: LegacyStore, project_id: str, trace_id: str) -> View | None:
    found = store.traces({"project_id": project_id, "trace_id": trace_id})
    return _view(found[0]) if found else None


def _replayed(store: LegacyStore, project_id: str, trace_id: str) -> View:
    return _call(store, project_id, trace_id) or {}


def _view(row: TraceRow) -> View:
    """Show a trace as the service does; a field that was not sent is null (contract §2.6)."""
    columns = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    columns["timestamp"] = iso(row.timestamp)
    return {camel_case(name): value for name, value in columns.items()}


def _store(request: Request) -> LegacyStore:
    return cast(LegacyStore, request.app.state.store)


def _writer(request: Request) -> Writer[Upload]:
    return cast("Writer[Upload]", request.app.state.writer)


_ROUTES = [
    Route("/v1/traces/batch", _receive_batch, methods=["POST"]),
    Route("/v1/traces/async", _receive_async, methods=["POST"]),
    Route("/v1/traces", _list_traces, methods=["GET"]),
    Route("/v1/traces/{id}", _one_trace, methods=["GET"]),
    *span_routes.routes(plain_spans.LEGACY),
    Route("/v1/sessions/{id}", _one_session, methods=["GET"]),
    *analytics_routes.routes(analytics.LEGACY_CALLS, extended=False),
    Route("/dashboard/api/traces", _list_traces, methods=["GET"]),
    *page_routes.routes(Pages(usage.LEGACY, conversations.LEGACY, _call, _replayed)),
    *trace_list.ROUTES,
    Route("/dashboard/traces/{id}", _trace_page, methods=["GET"]),
]
