"""Render the page of a session: its traces, one after the other, as one conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import dropwhile
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pulse_otel.local.json_text import Json
from pulse_otel.local.pages import formatting, paths, trace_fields
from pulse_otel.local.pages.conversation import (
    SYSTEM_ROLES,
    Turn,
    answer_turns,
    request_turns,
    value_turns,
)
from pulse_otel.local.pages.formatting import Span
from pulse_otel.local.pages.list_address import Address
from pulse_otel.local.pages.rendering import REFRESH_S, render
from pulse_otel.local.pages.session_list import figures
from pulse_otel.local.pages.span_detail import error_values, span_name
from pulse_otel.local.storage.conversations import Page

LIMIT = 25
MAX_SPANS = 50  # of a trace
_UNFOLDED_TURNS = 10
_SUMS = ("traces", "errors", "input_tokens", "output_tokens", "cost_cents", "unpriced")


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A call or a tool in the conversation, with what is new in it."""

    kind: str
    name: str
    failed: bool
    error: Mapping[str, str]
    system: Sequence[Turn]
    earlier: Sequence[Turn]
    """Turns from before the page, which it folds."""
    sent: Sequence[Turn]
    received: Sequence[Turn]


def page(
    request: Request,
    session_id: str,
    sessions: Sequence[Mapping[str, Any]],
    found: Page,
    traces: Sequence[Mapping[str, Json]],
) -> Response:
    """Render a page of the session's traces; `sessions` is its row in each project."""
    shown = _Conversation()
    prepared = [
        _trace(row, view, shown.exchanges(trace_fields.spans_of(view)))
        for row, view in zip(found.rows, traces, strict=True)
    ]
    return render(
        "session_detail.html",
        section="sessions",
        status=200 if sessions else 404,
        session_id=session_id,
        facts=_facts(sessions),
        listed=Address({"session": session_id}).at(),
        traces=prepared,
        earlier=prepared[0]["key"] if prepared and found.before else None,
        later=prepared[-1]["key"] if prepared and found.after else None,
        refresh_s=None if sessions else REFRESH_S,
    )


class _Conversation:
    """What the page has shown so far: a request repeats it, the page does not."""

    def __init__(self) -> None:
        self._shown: set[Turn] = set()

    def exchanges(self, spans: Sequence[Span]) -> list[Exchange]:
        """Return what is new in each call of a trace; in each span, if there is no call."""
        calls = [span for span in spans if span["kind"] == "llm_call"]
        return [self._exchange(span) for span in calls or spans]

    def _exchange(self, span: Span) -> Exchange:
        turns = request_turns(trace_fields.body(span, "request"))
        new = self._new(turns) or value_turns("input", span.get("toolInput"))
        system = [turn for turn in new if turn.role in SYSTEM_ROLES]
        said = [turn for turn in new if turn.role not in SYSTEM_ROLES]
        response = trace_fields.body(span, "response")
        received = answer_turns(response, span.get("outputText")) or value_turns(
            "output", span.get("toolResponse")
        )
        folded = max(0, len(said) - _UNFOLDED_TURNS)
        self._shown.update(turns, received)
        return Exchange(
            kind=str(span["kind"]),
            name=span_name(span),
            failed=span["status"] == "error",
            error=error_values(span),
            system=system,
            earlier=said[:folded],
            sent=said[folded:],
            received=received,
        )

    def _new(self, turns: Sequence[Turn]) -> list[Turn]:
        """Leave out the turns at the beginning that were shown; the last one is the question.

        A program may send an answer back in other words, without its thinking for example.
        """

        def known(turn: Turn) -> bool:
            return turn in self._shown or (bool(self._shown) and turn.role == "assistant")

        return [*dropwhile(known, turns[:-1]), *turns[-1:]]


def _trace(
    row: Mapping[str, Any], view: Mapping[str, Json], exchanges: Sequence[Exchange]
) -> dict[str, Any]:
    calls = [span for span in trace_fields.spans_of(view) if span["kind"] == "llm_call"]
    return {
        "key": paths.write_key((row["started"], row["seq"])),
        "link": paths.of_trace(row["trace_id"]),
        "time": formatting.moment(view["timestamp"]),
        "model": view.get("modelUsed") or view.get("modelRequested") or view.get("summary"),
        "user": row["user_id"],
        "failed": bool(row["errors"]),
        "tokens": (tokens := formatting.tokens(calls)) and f"{tokens} tokens",
        "cost": formatting.cost(calls),
        "latency": formatting.milliseconds(view.get("latencyMs")),
        "exchanges": exchanges,
    }


def _facts(sessions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Format the sums over the projects that have the session."""
    if not sessions:
        return {}
    known = {name: [row[name] for row in sessions if row[name] is not None] for name in _SUMS}
    sums = {name: sum(values) if values else None for name, values in known.items()}
    users = list(dict.fromkeys(user for row in sessions for user in row["users"]))
    shown = figures({**sums, "users": users})
    first, last = sessions[0]["started"], max(row["last_started"] for row in sessions)
    return {
        "First": formatting.iso_minute(first),
        "Last": formatting.iso_minute(last),
        "Traces": shown["traces"],
        "Errors": shown["errors"],
        "Tokens": shown["tokens"],
        "Cost": shown["cost"],
        "Users": shown["users"] or formatting.DASH,
    }
