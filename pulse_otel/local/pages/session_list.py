"""Render the list of sessions at `/sessions`, by their last activity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pulse_otel.local.json_text import Json
from pulse_otel.local.pages import formatting, paths, texts, trace_fields
from pulse_otel.local.pages.empty_state import empty_state
from pulse_otel.local.pages.rendering import REFRESH_S, render
from pulse_otel.local.storage.conversations import Page

LIMIT = 50
_PREVIEW_CHARACTERS = 160
_MOST_USERS = 3


def page(request: Request, found: Page, questions: Sequence[str], *, any_traces: bool) -> Response:
    """Render a page of sessions, each with its first question."""
    rows = [_row(row, asked) for row, asked in zip(found.rows, questions, strict=True)]
    return render(
        "session_list.html",
        section="sessions",
        sessions=rows,
        newer=rows[0]["key"] if rows and found.before else None,
        older=rows[-1]["key"] if rows and found.after else None,
        any_traces=any_traces,
        refresh_s=None if rows else REFRESH_S,
        **empty_state(request),
    )


def first_question(call: Mapping[str, Json] | None) -> str:
    """Return the question of a call."""
    return texts.question(trace_fields.body(call, "request")) if call else ""


def figures(row: Mapping[str, Any]) -> dict[str, str]:
    """Format the figures of a session."""
    cents = row["cost_cents"]
    known = None if cents is None else formatting.dollars(cents, at_least=bool(row["unpriced"]))
    return {
        "traces": f"{row['traces']:,}",
        "errors": f"{row['errors']:,}",
        "tokens": formatting.token_pair(row["input_tokens"], row["output_tokens"])
        or formatting.DASH,
        "cost": known or formatting.DASH,
        "users": _users(row["users"]),
    }


def _row(row: Mapping[str, Any], asked: str) -> dict[str, Any]:
    text = " ".join(asked.split())
    cut = text[:_PREVIEW_CHARACTERS]
    return {
        **figures(row),
        "failed": row["errors"],
        "id": row["session_id"],
        "link": paths.of_session(row["session_id"]),
        "key": paths.write_key((row["last_started"], row["seq"])),
        "time": formatting.iso_minute(row["last_started"]),
        "question": cut if cut == text else f"{cut}…",
    }


def _users(names: Sequence[str]) -> str:
    more = len(names) - _MOST_USERS
    shown = ", ".join(names[:_MOST_USERS])
    return f"{shown} and {more} more" if more > 0 else shown
