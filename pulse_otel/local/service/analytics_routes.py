"""Answer the routes of analytics; both dates are required (contract §2.5, §3.5)."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pulse_otel.local.service import query, web
from pulse_otel.local.service.web import JsonAnswer
from pulse_otel.local.storage import analytics
from pulse_otel.local.storage.spans import Filters

Answer = Callable[[Request, Filters], "dict[str, object]"]


def routes(calls: str, *, extended: bool) -> list[Route]:
    """Make the routes from the relation `calls`; `extended` is what the newest line adds."""

    def of_calls(request: Request, period: Filters) -> dict[str, object]:
        return analytics.calls(request.app.state.store.select, calls, period)

    def of_spans(request: Request, period: Filters) -> dict[str, object]:
        return analytics.spans(request.app.state.spans.select, period, services=extended)

    def overview(request: Request, period: Filters) -> dict[str, object]:
        return analytics.overview(request.app.state.store.select, calls, period)

    answers: dict[str, Answer] = {"/v1/analytics": of_calls, "/v1/analytics/spans": of_spans}
    if extended:
        answers["/v1/analytics/overview-extended"] = overview
    return [Route(path, _endpoint(answer), methods=["GET"]) for path, answer in answers.items()]


def _endpoint(answer: Answer) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        project_id = web.project(request)
        period = web.parsed(query.parse_period, request)
        return JsonAnswer(answer(request, {"project_id": project_id, **period}))

    return endpoint
