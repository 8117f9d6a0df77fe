"""Render the list of traces at `/`, of all projects, and what is new in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pulse_otel.local.pages import formatting, paths
from pulse_otel.local.pages.empty_state import empty_state
from pulse_otel.local.pages.list_address import (
    KINDS,
    PERIODS,
    STATUSES,
    Address,
    read_address,
)
from pulse_otel.local.pages.rendering import render
from pulse_otel.local.storage.trace_list import MOST, Row, TraceList

_ROWS = 50
_MOST_NEW = 100  # traces that one answer about what is new may have
_SORTS: Mapping[str, str] = {
    "newest": "newest first", "oldest": "oldest first", "cost": "dearest first",
    "tokens": "most tokens first", "latency": "slowest first",
}  # fmt: skip
_LIMITS: Mapping[str, str] = {
    "endless": "The totals are of the latest {most} traces that were looked at; the pages lead to"
    " all.",
    "text": "The list and the totals are of the {most} traces with these words that were stored"
    " last. More words find older ones.",
    "sorted": "The list and the totals are of the latest {most} traces that were looked at. An"
    " earlier time finds older ones; the orders by time have all.",
}
_MORE = ("provider", "model", "user", "session", "kind", "cost", "from", "to")
_SUGGESTED = ("model", "user")


def page(request: Request) -> Response:
    """Render the list that the address asks for; without any trace, how to send a first one."""
    traces: TraceList = request.app.state.list
    address = read_address(request.query_params)
    # Read first: what is stored meanwhile is new, at worst twice.
    mark = traces.mark()
    rows, links = _page(traces, address)
    if not (rows or address.parameters):
        return _empty(request, mark)
    return render(
        "trace_list.html",
        section="list",
        rows=[_row(row, address) for row in rows],
        address=address,
        totals=_totals(traces, address),
        limit=_limit(traces, address),
        links=links,
        # Rows that arrive belong at the top of the first page only.
        live="rows" if address.order == "newest" and not _keyed(address) else "count",
        changes=address.at("/traces/new", since=str(mark)),
        periods={name: shown for name, (shown, _) in PERIODS.items()},
        kinds=KINDS,
        statuses=STATUSES,
        sorts=_SORTS,
        more=any(name in address.parameters for name in _MORE),
        providers={name: name for name in traces.options("provider")},
        suggested={name: traces.options(name) for name in _SUGGESTED},
    )


def _page(traces: TraceList, address: Address) -> tuple[list[Row], dict[str, str]]:
    """Return the rows, and the links to the pages around them."""
    query = address.query()
    rows = traces.page(query, _ROWS + 1)
    more = len(rows) > _ROWS
    if more:
        rows = rows[1:] if query.reverse else rows[:-1]
    links: dict[str, str] = {}
    if rows and (more if query.reverse else query.key):
        links["prev"] = address.at(prev=paths.write_key(_key(rows[0])))
    if rows and (query.reverse or more):
        links["next"] = address.at(next=paths.write_key(_key(rows[-1])))
    elif not query.reverse and (end := traces.end_of_walk(query)):
        links["further"] = address.at(next=paths.write_key(end))
    return rows, links


def _limit(traces: TraceList, address: Address) -> str:
    """Say what the list leaves out where the filters find more than a view looks at."""
    query = address.query()
    bound = "text" if "text" in query.filters else "sorted"
    return _LIMITS["endless" if traces.endless(query) else bound].format(most=f"{MOST:,}")


def _key(row: Row) -> tuple[float, int]:
    return row["value"], row["seq"]


def _keyed(address: Address) -> bool:
    return address.query().key is not None


def _changes(request: Request) -> Response:
    """Answer the rows of the traces that changed since a mark, which the page puts in."""
    traces: TraceList = request.app.state.list
    address = read_address(request.query_params)
    given = request.query_params.get("since", "")
    since = int(given) if given.isdecimal() and len(given) < 19 else 0
    mark = traces.mark()
    if mark <= since:
        return Response(status_code=204)
    rows = traces.changed(address.query(keyed=False), since, _MOST_NEW)
    return render(
        "trace_rows.html",
        rows=[_row(row, address) for row in rows],
        address=address,
        changes=address.at("/traces/new", since=str(mark)),
    )


def _totals(traces: TraceList, address: Address) -> dict[str, Any]:
    found = traces.totals(address.query(keyed=False))
    count, errors = found["traces"], found["errors"]
    capped, some = found["capped"], count < found["walked"]
    return {
        "traces": f"{count:,}{'+' if capped and not some else ''}",
        "one": count == 1,
        "capped": capped,
        "within": f"{MOST:,}" if capped and some else "",
        "errors": f"{errors:,}",
        "share": f"{100 * errors / count:.1f} %" if errors else "",
        "cost": formatting.dollars(found["cost_cents"] or 0) if found["cost_cents"] else None,
        "tokens": formatting.token_pair(found["input_tokens"], found["output_tokens"]),
    }


def _empty(request: Request, mark: int) -> Response:
    return render(
        "trace_list.html",
        section="list",
        rows=[],
        address=Address({}),
        changes=f"/traces/new?since={mark}",
        live="first",
        example=request.app.state.example,
        **empty_state(request),
    )


def _row(row: Row, address: Address) -> dict[str, Any]:
    """Make the columns of one trace."""
    moment = datetime.fromtimestamp(row["started"] / 1000, timezone.utc)
    session = row["session_id"] if row["session_id"] != row["trace_id"] else None
    called = row["calls"] or None
    failed = row["errors"] > 0
    return {
        **row,
        "link": address.at(paths.of_trace(row["trace_id"])),
        "day": f"{moment.day} {moment:%b}",
        "time": f"{moment:%H:%M:%S}",
        "moment": f"{moment:%Y-%m-%d %H:%M:%S} UTC",
        "failed": failed,
        "question": row["summary"] or row["question"],
        "answer": (row["error"] if failed else "") or row["answer"],
        "model": row["model_used"] if called else None,
        "provider": row["provider"] if called else None,
        "tokens": formatting.token_pair(row["input_tokens"], row["output_tokens"]),
        "cost": _cost(row),
        "latency": formatting.milliseconds(row["latency_ms"]) if row["latency_ms"] else None,
        "parts": _parts(row),
        "session": session and _name(session, paths.of_session(session)),
        "user": row["user_id"] and _name(str(row["user_id"]), address.at(user=row["user_id"])),
    }


def _cost(row: Row) -> str | None:
    """Format the cost; where nothing was counted, the legacy form says 0 (contract §2.6)."""
    cents = row["cost_cents"]
    if cents is None or not (cents or row["input_tokens"] or row["output_tokens"]):
        return None
    return formatting.dollars(cents, at_least=row["unpriced"] > 0)


def _parts(row: Row) -> str:
    """Say what else a trace has than one call."""
    if row["spans"] == 1:
        return ""
    tools = row["tool_calls"] or 0
    return f"{row['spans']} spans" + (f", {tools} tool{'s'[: tools != 1]}" if tools else "")


def _name(text: str, link: str) -> dict[str, Any]:
    return {
        "text": text,
        "short": formatting.in_the_middle(text),
        "link": link,
        "hue": formatting.hue(text),
    }


ROUTES = [Route("/traces/new", _changes, methods=["GET"])]
