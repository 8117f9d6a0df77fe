"""Route the requests of the development trace service, current generation (contract §3).

This is the application; `serving` runs it.
"""

from __future__ import annotations

import time
from typing import cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pulse_otel.local.pages import trace_detail, trace_list
from pulse_otel.local.service import query, views, web
from pulse_otel.local.service.ingest import ExportRefused, Ingested, read_export
from pulse_otel.local.storage.spans import SpanRow, Store
from pulse_otel.local.storage.writer import Writer


def create_app(db: str = ":memory:") -> Starlette:
    """Make the service as an ASGI application with its spans in the SQLite database `db`."""
    app = web.new_app(_ROUTES, _page)
    app.state.store = Store(db)
    app.state.writer = Writer(app.state.store.insert)
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
    return JSONResponse(_ingest_answer(ingested))


def _ingest_answer(ingested: Ingested) -> dict[str, object]:
    """Return `{}`, or the number of rejected spans and the first one's message (contract §3)."""
    if not ingested.rejections:
        return {}
    first = ingested.rejections[0]
    return {"partialSuccess": {"rejectedSpans": len(ingested.rejections), "errorMessage": first}}


def _list_traces(request: Request) -> Response:
    filters = {"project_id": web.project(request), **web.parameters(request, query.TRACE_FILTERS)}
    if "status" in filters:
        filters["trace_status"] = filters.pop("status")
    limit, offset = web.limit_and_offset(request)
    traces, total = _store(request).trace_page(filters, limit, offset)
    return JSONResponse(
        {
            "traces": [views.trace_view(spans) for spans in traces],
            "total": total,
            "limit": limit,
            "offset": offset,
        }
    )


def _list_spans(request: Request) -> Response:
    filters = {"project_id": web.project(request), **web.parameters(request, query.SPAN_FILTERS)}
    limit, offset = web.limit_and_offset(request)
    spans, total = _store(request).span_page(filters, limit, offset)
    return JSONResponse(
        {
            "spans": [views.span_view(span) for span in spans],
            "total": total,
            "limit": limit,
            "offset": offset,
        }
    )


def _one_trace(request: Request) -> Response:
    filters = {"project_id": web.project(request), "trace_id": web.path_id(request)}
    spans = _store(request).trace(filters)
    if not spans:
        raise web.ApiError(404, "Trace not found")
    return JSONResponse(views.trace_view(spans))


def _one_span(request: Request) -> Response:
    filters = {"project_id": web.project(request), "span_id": web.path_id(request)}
    spans = _store(request).spans(filters)
    if not spans:
        raise web.ApiError(404, "Span not found")
    return JSONResponse(views.span_view(spans[0]))


def _one_session(request: Request) -> Response:
    filters = {"project_id": web.project(request), "session_id": web.path_id(request)}
    spans = _store(request).trace(filters)
    if not spans:
        raise web.ApiError(404, "Session not found")
    return JSONResponse(views.session_view(filters["session_id"], spans))


def _session_spans(request: Request) -> Response:
    filters = {"project_id": web.project(request), "session_id": web.path_id(request)}
    spans = _store(request).trace(filters)
    if not spans:
        raise web.ApiError(404, "Session not found")
    shown = [views.span_view(span) for span in spans]
    return JSONResponse({"sessionId": filters["session_id"], "spans": shown})


def _page(request: Request) -> Response:
    traces, total = _store(request).trace_page({}, trace_list.MAX_TRACES)
    shown = [views.trace_view(spans) for spans in traces]
    return trace_list.page(request, shown, total, example="first_trace.txt")


def _trace_page(request: Request) -> Response:
    """Answer `GET /dashboard/traces/:id` from all projects: the page needs no key."""
    trace_id = web.path_id(request)
    projects: dict[str, list[SpanRow]] = {}
    for span in _store(request).trace({"trace_id": trace_id}):
        projects.setdefault(span.project_id, []).append(span)
    found = [(views.trace_view(spans), spans) for spans in projects.values()]
    return trace_detail.page(request, trace_id, found)


def _store(request: Request) -> Store:
    return cast(Store, request.app.state.store)


def _writer(request: Request) -> Writer[SpanRow]:
    return cast("Writer[SpanRow]", request.app.state.writer)


_ROUTES = [
    Route("/v1/traces", _receive_traces, methods=["POST"]),
    Route("/v1/traces", _list_traces, methods=["GET"]),
    Route("/v1/traces/{id}", _one_trace, methods=["GET"]),
    Route("/v1/spans", _list_spans, methods=["GET"]),
    Route("/v1/spans/{id}", _one_span, methods=["GET"]),
    Route("/v1/sessions/{id}", _one_session, methods=["GET"]),
    Route("/v1/sessions/{id}/spans", _session_spans, methods=["GET"]),
    Route("/dashboard/traces/{id}", _trace_page, methods=["GET"]),
]
