"""Route the requests of the development trace service, current generation (contract §3).

This is the application; `serving` runs it.
"""

from __future__ import annotations

import time
from typing import cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pulse_otel.local.pages import session_detail, texts, trace_detail, trace_list
from pulse_otel.local.service import (
    analytics_routes,
    page_routes,
    plain_spans,
    query,
    span_routes,
    views,
    web,
)
from pulse_otel.local.service.ingest import ExportRefused, Ingested, read_export
from pulse_otel.local.service.page_routes import Pages
from pulse_otel.local.service.views import View
from pulse_otel.local.service.web import JsonAnswer
from pulse_otel.local.storage import analytics, conversations, usage
from pulse_otel.local.storage.sessions import session_page
from pulse_otel.local.storage.spans import SpanRow, Store
from pulse_otel.local.storage.trace_list import TraceList
from pulse_otel.local.storage.writer import Writer


def create_app(db: str = ":memory:") -> Starlette:
    """Make the service as an ASGI application with its spans in the SQLite database `db`."""
    app = web.new_app(_ROUTES, trace_list.page)
    app.state.store = Store(db, texts.of_span)
    app.state.list = TraceList(app.state.store.select, "trace_summaries", "spans")
    app.state.example = "first_trace.txt"
    app.state.writer = Writer(app.state.store.insert)
    app.state.spans, app.state.span_writer = app.state.store, app.state.writer
    return app


async def _receive_traces(request: Request) -> Response:
    """Answer `POST /v1/traces`; 200 means that the accepted spans are queued (contract §3)."""
    project_id, body = await web.receive(request)
    try:
        ingested = await run_in_threadpool(
            read_export, body, project_id=project_id, now_ms=time.time_ns() // 1_000_000
        )
    except ExportRefused as refusal:
        raise web.ApiError(400, str(refusal)) from refusal
    if not _writer(request).put(ingested.rows):
        raise web.ApiError(503, "Failed to enqueue span")
    return JsonAnswer(_ingest_answer(ingested))


def _ingest_answer(ingested: Ingested) -> dict[str, object]:
    """Return `{}`, or the number of rejected spans and the first one's message (contract §3)."""
    if not ingested.rejections:
        return {}
    first = ingested.rejections[0]
    return {"partialSuccess": {"rejectedSpans": len(ingested.rejections), "errorMessage": first}}


def _list_traces(request: Request) -> Response:
    filters, limit, offset = web.list_query(request, query.TRACE_FILTERS)
    traces, total = _store(request).trace_page(filters, limit, offset)
    shown = [views.trace_view(spans) for spans in traces]
    return web.list_answer("traces", shown, total, limit, offset)


def _list_sessions(request: Request) -> Response:
    """Answer `GET /dashboard/api/agent-sessions`, newest first.

    The real one takes the dashboard's cookie and orders as it is asked to. This one takes the key,
    as there is no cookie, and knows no other order.
    """
    filters, limit, offset = web.list_query(request, query.SESSION_FILTERS)
    page = {**filters, "limit": limit, "offset": offset}
    sessions, total = session_page(_store(request).select, page)
    return web.list_answer("sessions", views.sessions_view(sessions), total, limit, offset)


def _one_trace(request: Request) -> Response:
    filters = {"project_id": web.project(request), "trace_id": web.path_id(request)}
    spans = _store(request).trace(filters)
    if not spans:
        raise web.ApiError(404, "Trace not found")
    return JsonAnswer(views.trace_view(spans))


def _one_session(request: Request) -> Response:
    filters = {"project_id": web.project(request), "session_id": web.path_id(request)}
    spans = _store(request).trace(filters)
    if not spans:
        raise web.ApiError(404, "Session not found")
    return JsonAnswer(views.session_view(filters["session_id"], spans))


def _trace_page(request: Request) -> Response:
    """Answer `GET /dashboard/traces/:id` from all projects: the page needs no key."""
    trace_id = web.path_id(request)
    projects: dict[str, list[SpanRow]] = {}
    for span in _store(request).trace({"trace_id": trace_id}):
        projects.setdefault(span.project_id, []).append(span)
    found = [(views.trace_view(spans), spans) for spans in projects.values()]
    return trace_detail.page(request, trace_id, found)


def _main(store: Store, project_id: str, span_id: str) -> View | None:
    found = store.spans({"project_id": project_id, "span_id": span_id})
    return views.span_view(found[0]) if found else None


def _replayed(store: Store, project_id: str, trace_id: str) -> View:
    filters = {"project_id": project_id, "trace_id": trace_id}
    calls = store.first_spans({**filters, "kind": "llm_call"}, session_detail.MAX_SPANS)
    return views.trace_view(calls or store.first_spans(filters, session_detail.MAX_SPANS))


def _store(request: Request) -> Store:
    return cast(Store, request.app.state.store)


def _writer(request: Request) -> Writer[SpanRow]:
    return cast("Writer[SpanRow]", request.app.state.writer)


_ROUTES = [
    Route("/v1/traces", _receive_traces, methods=["POST"]),
    Route("/v1/traces", _list_traces, methods=["GET"]),
    Route("/v1/traces/{id}", _one_trace, methods=["GET"]),
    *span_routes.routes(plain_spans.CURRENT),
    Route("/v1/sessions/{id}", _one_session, methods=["GET"]),
    *analytics_routes.routes(analytics.CALLS, extended=True),
    Route("/dashboard/api/agent-sessions", _list_sessions, methods=["GET"]),
    Route("/dashboard/api/traces", _list_traces, methods=["GET"]),
    *page_routes.routes(Pages(usage.CURRENT, conversations.CURRENT, _main, _replayed)),
    *trace_list.ROUTES,
    Route("/dashboard/traces/{id}", _trace_page, methods=["GET"]),
]
