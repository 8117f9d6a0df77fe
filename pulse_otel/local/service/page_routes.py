"""Answer the pages of sessions and the overview, from all projects: a page needs no key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pulse_otel.local.json_text import Json
from pulse_otel.local.pages import overview, session_detail, session_list
from pulse_otel.local.pages.paths import read_key
from pulse_otel.local.service import web
from pulse_otel.local.storage import conversations
from pulse_otel.local.storage.conversations import Tables
from pulse_otel.local.storage.database import Key

View = Mapping[str, Json]


@dataclass(frozen=True)
class Pages:
    """What the pages read in one generation of the service."""

    usage: str
    tables: Tables
    main: Callable[[Any, str, str], View | None]
    """The call that a session began with, from the store, the project and its id."""
    trace: Callable[[Any, str, str], View]
    """A trace with its calls, or with its other spans if there is none."""


def _key(request: Request, name: str) -> Key | None:
    return read_key(request.query_params.get(name, ""))


def routes(pages: Pages) -> list[Route]:
    """Make the routes of the pages."""

    def sessions(request: Request) -> Response:
        store = request.app.state.store
        found = conversations.sessions(
            store.select,
            pages.tables,
            session_list.LIMIT,
            older=_key(request, "older"),
            newer=_key(request, "newer"),
        )
        mains = [pages.main(store, row["project_id"], row["main_id"]) for row in found.rows]
        questions = [session_list.first_question(main) for main in mains]
        any_traces = bool(store.select(f"SELECT 1 FROM {pages.tables.traces} LIMIT 1", {}))  # noqa: S608
        return session_list.page(request, found, questions, any_traces=any_traces)

    def session(request: Request) -> Response:
        store, session_id = request.app.state.store, web.path_id(request)
        found = conversations.traces(
            store.select,
            pages.tables,
            session_id,
            session_detail.LIMIT,
            later=_key(request, "later"),
            earlier=_key(request, "earlier"),
        )
        views = [pages.trace(store, row["project_id"], row["trace_id"]) for row in found.rows]
        rows: Sequence[Mapping[str, Any]] = conversations.session(
            store.select, pages.tables, session_id
        )
        return session_detail.page(request, session_id, rows, found, views)

    def over_time(request: Request) -> Response:
        state = request.app.state
        stored = {"size": state.store.size(), "keep_ms": state.keep_ms}
        return overview.page(request, state.store.select, pages.usage, stored=stored)

    return [
        Route("/sessions", sessions, methods=["GET"]),
        Route("/sessions/{id}", session, methods=["GET"]),
        Route("/overview", over_time, methods=["GET"]),
    ]
