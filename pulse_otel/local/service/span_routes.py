"""Answer the routes of spans, which both generations have (contract §3.5, §3.8)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pulse_otel.local.service import query, views, web
from pulse_otel.local.service.plain_spans import Form, read_spans
from pulse_otel.local.service.web import JsonAnswer
from pulse_otel.local.storage.spans import SpanRow, Store
from pulse_otel.local.storage.writer import Writer

Receiver = Callable[[Request], Awaitable[Response]]


def routes(form: Form) -> list[Route]:
    """Make the routes; uploads of plain spans have `form`."""
    return [
        Route("/v1/spans/batch", _batch_receiver(form), methods=["POST"]),
        Route("/v1/spans/async", _async_receiver(form), methods=["POST"]),
        Route("/v1/spans", _list_spans, methods=["GET"]),
        Route("/v1/spans/{id}", _one_span, methods=["GET"]),
        Route("/v1/sessions/{id}/spans", _session_spans, methods=["GET"]),
    ]


def _batch_receiver(form: Form) -> Receiver:
    async def receive_batch(request: Request) -> Response:
        """Answer with the stored spans; a repeated id is skipped, or fails (contract §3.8)."""
        rows = await _accepted(request, form)
        if not form.skips_repeated:
            if not await run_in_threadpool(_store_until_repeated, request, rows):
                raise web.ApiError(500, "Internal server error")
            return JsonAnswer(_stored_answer(rows), status_code=202)
        stored = await run_in_threadpool(_store(request).insert, rows)
        skipped = {"skipped": len(rows) - len(stored)}
        return JsonAnswer({**_stored_answer(stored), **skipped}, status_code=202)

    return receive_batch


def _store_until_repeated(request: Request, rows: list[SpanRow]) -> bool:
    return all(_store(request).insert([row]) for row in rows)


def _stored_answer(rows: list[SpanRow]) -> dict[str, object]:
    return {"count": len(rows), "spans": [views.span_view(row) for row in rows]}


def _async_receiver(form: Form) -> Receiver:
    async def receive_async(request: Request) -> Response:
        """Queue the spans; a repeat is no error."""
        rows = await _accepted(request, form)
        writer = cast("Writer[SpanRow]", request.app.state.span_writer)
        if not writer.put(rows):
            raise web.ApiError(500, "Internal server error")
        return JsonAnswer({"status": "queued", "count": len(rows)}, status_code=202)

    return receive_async


async def _accepted(request: Request, form: Form) -> list[SpanRow]:
    return await web.items(
        request, lambda body, project: read_spans(body, form, project_id=project)
    )


def _list_spans(request: Request) -> Response:
    filters, limit, offset = web.list_query(request, query.SPAN_FILTERS)
    spans, total = _store(request).span_page(filters, limit, offset)
    return web.list_answer("spans", [views.span_view(span) for span in spans], total, limit, offset)


def _one_span(request: Request) -> Response:
    filters = {"project_id": web.project(request), "span_id": web.path_id(request)}
    spans = _store(request).spans(filters)
    if not spans:
        raise web.ApiError(404, "Span not found")
    return JsonAnswer(views.span_view(spans[0]))


def _session_spans(request: Request) -> Response:
    filters = {"project_id": web.project(request), "session_id": web.path_id(request)}
    spans = _store(request).trace(filters)
    if not spans:
        raise web.ApiError(404, "Session not found")
    shown = [views.span_view(span) for span in spans]
    return JsonAnswer({"sessionId": filters["session_id"], "spans": shown})


def _store(request: Request) -> Store:
    return cast(Store, request.app.state.spans)
