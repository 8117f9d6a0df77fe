"""Handle keys, bodies, parameters and errors for both generations of the service (contract §1).

Any key that starts with `pulse_sk_` is accepted. Its project's id is made from its hash; the key
itself is never stored.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pulse_otel.local.json_text import write_json
from pulse_otel.local.pages import rendering
from pulse_otel.local.service import query
from pulse_otel.local.service.uploads import UploadRefused

T = TypeVar("T")

KEY_PREFIX = "pulse_sk_"
MAX_BODY_BYTES = 134_217_728
_DEFAULT_LIMIT = 100
_API_PREFIXES = ("/v1/", "/api/")
_DASHBOARD_API = "/dashboard/api/"


class JsonAnswer(JSONResponse):
    """An answer in JSON of any depth."""

    def render(self, content: Any) -> bytes:
        return write_json(content).encode()


class ApiError(Exception):
    """An error to answer, in the service's own JSON form (contract §1)."""

    def __init__(self, status: int, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": message, **more}


def new_app(routes: Sequence[Route], page: Callable[[Request], Response]) -> Starlette:
    """Make an application of `routes`, the shared routes, and `page` for any other GET."""

    def any_other(request: Request) -> Response:
        if request.url.path.startswith(_DASHBOARD_API):
            project(request)
        if request.url.path.startswith((*_API_PREFIXES, _DASHBOARD_API)):
            return _not_found(request, HTTPException(404))
        return page(request)

    shared = [
        *rendering.ROUTES,
        Route("/v1/auth/login", _login, methods=["POST"]),
        Route("/health", _health, methods=["GET"]),
        Route("/{rest:path}", any_other, methods=["GET"]),
    ]
    app = Starlette(
        routes=[*routes, *shared],
        middleware=[Middleware(_UndecodedPath)],
        exception_handlers=_EXCEPTION_HANDLERS,
    )
    # A path with a trailing slash is another path (contract §1).
    app.router.redirect_slashes = False
    app.state.keep_ms = None  # the age of the traces that `serve` deletes
    return app


class _UndecodedPath:
    """Route by the undecoded path: a session id may contain an encoded slash (contract §3.5)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw_path: bytes = scope.get("raw_path") or b""
        if raw_path:
            scope = {**scope, "path": raw_path.decode("latin-1")}
        await self._app(scope, receive, send)


def project(request: Request) -> str:
    """Return the project of the request's key; answer 401 without a valid key (contract §1)."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not key or key.startswith(" "):
        raise ApiError(401, "Missing or invalid Authorization header")
    if not key.startswith(KEY_PREFIX):
        raise ApiError(401, "Invalid API key")
    return str(uuid.uuid5(uuid.NAMESPACE_URL, hashlib.sha256(key.encode()).hexdigest()))


async def receive(request: Request) -> tuple[str, bytes]:
    """Return the project and the body of an upload; check its size before its key (contract §1)."""
    _refuse_large(int(request.headers.get("Content-Length") or 0))
    project_id = project(request)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        _refuse_large(len(body))
    return project_id, bytes(body)


async def items(request: Request, read: Callable[[bytes, str], list[T]]) -> list[T]:
    """Read an upload of items by `read`, from its body and project; answer 400 to a bad one."""
    project_id, body = await receive(request)
    try:
        return await run_in_threadpool(read, body, project_id)
    except UploadRefused as refusal:
        details = {"details": refusal.issues} if refusal.issues else {}
        raise ApiError(400, str(refusal), **details) from refusal


def parsed(
    parse: Callable[[Mapping[str, str]], query.Parameters], request: Request
) -> query.Parameters:
    """Parse the query by `parse`; answer 400 to a bad value."""
    try:
        return parse(request.query_params)
    except query.BadQuery as error:
        details = {"details": error.issues} if error.issues else {}
        raise ApiError(400, str(error), **details) from error


def list_query(
    request: Request, parsers: Mapping[str, query.Parser]
) -> tuple[query.Parameters, int, int]:
    """Return what the request asks a list for: the filters, its limit and its offset."""
    project_id = project(request)
    filters = parsed(lambda given: query.parse_query(given, parsers), request)
    limit, offset = int(filters.pop("limit", _DEFAULT_LIMIT)), int(filters.pop("offset", 0))
    return {"project_id": project_id, **filters}, limit, offset


def list_answer(
    name: str, shown: Sequence[object], total: int, limit: int, offset: int
) -> Response:
    """Answer with one page of a list."""
    return JsonAnswer({name: shown, "total": total, "limit": limit, "offset": offset})


def path_id(request: Request) -> str:
    """Return the decoded id at the end of the path."""
    return unquote(str(request.path_params["id"]))


def _refuse_large(size: int) -> None:
    if size > MAX_BODY_BYTES:
        raise HTTPException(413)


def _login(request: Request) -> Response:
    """Answer `POST /v1/auth/login`: 200, and whether the key is valid (contract §0)."""
    try:
        project(request)
    except ApiError:
        return JSONResponse({"authenticated": False})
    return JSONResponse({"authenticated": True})


def _health(request: Request) -> Response:
    return JSONResponse({"status": "ok", "service": "pulse"})


def _refusal(request: Request, error: Exception) -> Response:
    refusal = cast(ApiError, error)
    return JSONResponse(refusal.body, status_code=refusal.status)


def _not_found(request: Request, error: Exception) -> Response:
    """Answer an unknown path and a wrong method with the same text (contract §1)."""
    return PlainTextResponse("404 Not Found", status_code=404)


def _too_large(request: Request, error: Exception) -> Response:
    return Response(status_code=413, headers={"Connection": "close"})


def _cut_short(request: Request, error: Exception) -> Response:
    """Answer an upload that did not end in time; nobody reads it if the client went away."""
    return Response(status_code=408, headers={"Connection": "close"})


def _failure(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "Internal server error"}, status_code=500)


_EXCEPTION_HANDLERS: dict[Any, Callable[[Request, Exception], Response]] = {
    ApiError: _refusal,
    ClientDisconnect: _cut_short,
    404: _not_found,
    405: _not_found,
    413: _too_large,
    500: _failure,
}
