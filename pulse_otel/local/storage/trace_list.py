"""Read pages of the list of traces, by key, and the totals of what a filter finds.

No view reads more than `MOST` summaries, whatever the file holds: a filter walks the index that
suits it, the latest first. The totals say whether there may be more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pulse_otel.local.storage.database import Key, Select
from pulse_otel.local.storage.derivation import TOKENS
from pulse_otel.local.storage.spans import Filters

Row: TypeAlias = dict[str, Any]

MOST = 10_000
_OPTIONS = 60

# The filters that have an index of their name, the most selective first.
_INDEXED = ("session", "user", "failed", "model", "provider")
_CALLS_OR_TOOLS = "COALESCE(calls, 0) + COALESCE(tool_calls, 0) + COALESCE(agent_runs, 0)"
_CONDITIONS: Mapping[str, str] = {
    "session": "session_id = :session",
    "user": "user_id = :user",
    "failed": "errors > 0",
    "model": "model_used = :model",
    "provider": "provider = :provider",
    "succeeded": "errors = 0",
    "calls": "calls > 0",
    "tools": "tool_calls > 0",
    "agents": "agent_runs > 0",
    "others": f"spans > {_CALLS_OR_TOOLS}",
    "cost": "cost_cents >= CAST(:cost AS REAL)",
    "date_from": "started >= :date_from",
    "date_to": "started <= :date_to",
    "text": "started IS NOT NULL",  # the matches are the walk
}
_TIMES = ("date_from", "date_to")


@dataclass(frozen=True)
class Order:
    """An order of the list: by a value, which an index has, then by the time of storing."""

    value: str
    index: str
    descending: bool = True

    def sql(self, *, reverse: bool = False) -> str:
        """Write the ORDER BY of columns `value` and `seq`."""
        word = "DESC" if self.descending is not reverse else "ASC"
        return f"value {word}, seq {word}"

    def beyond(self, *, reverse: bool = False) -> str:
        """Write the condition of the rows after the key."""
        sign = "<" if self.descending is not reverse else ">"
        return f"(value, seq) {sign} (:key_value, :key_seq)"


ORDERS: Mapping[str, Order] = {
    "newest": Order("started", "time"),
    "oldest": Order("started", "time", descending=False),
    "cost": Order("COALESCE(cost_cents, 0)", "cost"),
    "tokens": Order(TOKENS, "tokens"),
    "latency": Order("COALESCE(latency_ms, 0)", "latency"),
}


@dataclass(frozen=True, kw_only=True)
class Query:
    """What a view asks for: filters by name, an order, and the key of the row to go on from."""

    filters: Filters = field(default_factory=dict[str, "str | int"])
    order: str = "newest"
    key: Key | None = None
    reverse: bool = False

    def bound(self) -> dict[str, Any]:
        """Return the values of the names in the statements."""
        value, seq = self.key or (0, 0)
        return {**self.filters, "key_value": value, "key_seq": seq}


_ROW = (
    "project_id", "trace_id", "session_id", "user_id", "provider", "model", "model_used", "summary",
    "started", "seq", "latency_ms", "input_tokens", "output_tokens", "cost_cents", "unpriced",
    "calls", "tool_calls", "spans", "errors",
)  # fmt: skip
_TEXTS = ("question", "answer", "error")
_SHOWN = 280  # characters of a text
_SUMMED = ("errors", "cost_cents", "input_tokens", "output_tokens")
_TOTALS = {
    "walked": "COUNT(*)",
    "traces": "COUNT(*) FILTER (WHERE {found})",
    "errors": "COUNT(*) FILTER (WHERE {found} AND errors > 0)",
    "cost_cents": "SUM(cost_cents) FILTER (WHERE {found})",
    "input_tokens": "SUM(input_tokens) FILTER (WHERE {found})",
    "output_tokens": "SUM(output_tokens) FILTER (WHERE {found})",
}


class TraceList:
    """The list of the traces in `summaries`, which are derived from the table `source`."""

    def __init__(self, select: Select, summaries: str, source: str) -> None:
        self._select = select
        self._summaries = summaries
        self._texts = summaries.replace("summaries", "texts")
        self._source = source

    def page(self, query: Query, limit: int) -> list[Row]:
        """Return the rows after the query's key, or, reversed, the ones before it; in its order."""
        order = ORDERS[query.order]
        beyond = f" AND {order.beyond(reverse=query.reverse)}" if query.key else ""
        # Rows that come in this order need no sorting: the walk ends at the limit.
        sorting = "" if _along(query) is order else f" ORDER BY {order.sql(reverse=query.reverse)}"
        ids = (
            f"SELECT id, value, seq FROM ({self._walk(query)})"  # noqa: S608 - our own text
            f" WHERE found{beyond}{sorting} LIMIT {limit}"
        )
        return self._rows(ids, query.bound(), order.sql())

    def totals(self, query: Query) -> Row:
        """Count what the filters find; `capped` if they were not held against all traces."""
        query = Query(filters=query.filters)
        # SQLite does not look at a constant for each row.
        found = "true" if _all(_others(query)) == "true" else "found"
        columns = ", ".join(sql.format(found=found) for sql in _TOTALS.values())
        sql = f"SELECT {columns} FROM ({self._walk(query, *_SUMMED)})"  # noqa: S608
        (values,) = self._select(sql, query.bound())
        totals = dict(zip(_TOTALS, values, strict=True))
        return {**totals, "capped": totals["walked"] >= MOST}

    def end_of_walk(self, query: Query) -> Key | None:
        """Return the key at which a page stopped that is not full; None if it has seen all."""
        if not self.endless(query):
            return None
        sql = f"SELECT value, seq FROM ({self._walk(query)}) LIMIT 1 OFFSET {MOST - 1}"  # noqa: S608
        return next(iter(self._select(sql, query.bound())), None)

    def endless(self, query: Query) -> bool:
        """Return whether pages lead to all that the filters find, however many traces there are."""
        return _along(query) is ORDERS[query.order]

    def mark(self) -> int:
        """Return a number that grows with each stored item."""
        ((mark,),) = self._select(f"SELECT MAX(rowid) FROM {self._source}", {})  # noqa: S608
        return int(mark or 0)

    def changed(self, query: Query, since: int, limit: int) -> list[Row]:
        """Return the matching rows of the latest traces that have items stored after `since`."""
        items = (
            f"SELECT DISTINCT project_id, trace_id FROM {self._source}"  # noqa: S608
            f" WHERE rowid > :since ORDER BY rowid DESC LIMIT {limit}"
        )
        ids = (
            "SELECT id, value, seq FROM (SELECT *, started AS value,"  # noqa: S608
            f" {self._summaries}.rowid AS id FROM ({items}) AS items"
            f" CROSS JOIN {self._summaries} USING (project_id, trace_id))"
            f" WHERE started IS NOT NULL AND {_all(query.filters)}{self._matching(query)}"
        )
        return self._rows(ids, {**query.bound(), "since": since}, ORDERS["newest"].sql())

    def row(self, project_id: str, trace_id: str, order: str) -> Row | None:
        """Return the row of one trace, with its value in an order; None if lists hide it."""
        ids = (
            f"SELECT rowid AS id, {ORDERS[order].value} AS value, seq FROM {self._summaries}"  # noqa: S608
            " WHERE project_id = :project_id AND trace_id = :trace_id AND started IS NOT NULL"
        )
        bound = {"project_id": project_id, "trace_id": trace_id}
        return next(iter(self._rows(ids, bound, "seq")), None)

    def options(self, name: str) -> list[str]:
        """List the values that a filter can have, each found by one look into its index."""
        column = _CONDITIONS[name].partition(" = ")[0]
        table = f"{self._summaries} INDEXED BY {self._summaries}_by_{name}"
        sql = (
            f"WITH RECURSIVE found(value) AS (SELECT MIN({column}) FROM {table}"  # noqa: S608
            f" WHERE {column} IS NOT NULL UNION ALL"
            f" SELECT (SELECT MIN({column}) FROM {table} WHERE {column} > value) FROM found"
            f" WHERE value IS NOT NULL LIMIT {_OPTIONS})"
            " SELECT value FROM found WHERE value IS NOT NULL"
        )
        return [str(value) for (value,) in self._select(sql, {})]

    def _rows(self, ids: str, bound: Filters, order: str) -> list[Row]:
        columns = [
            *(f"rows.{name}" for name in _ROW),
            *(f"substr({n}, 1, {_SHOWN})" for n in _TEXTS),
        ]
        sql = (
            f"SELECT chosen.value, {', '.join(columns)} FROM ({ids}) AS chosen"  # noqa: S608
            f" CROSS JOIN {self._summaries} AS rows ON rows.rowid = chosen.id"
            f" LEFT JOIN {self._texts} ON trace = chosen.id"
            f" ORDER BY {order.replace('value', 'chosen.value').replace('seq', 'chosen.seq')}"
        )
        names = ("value", *_ROW, *_TEXTS)
        return [dict(zip(names, values, strict=True)) for values in self._select(sql, bound)]

    def _matching(self, query: Query) -> str:
        """Write the condition on the text, where the walk is not over its matches."""
        if "text" not in query.filters:
            return ""
        words = f"{self._texts}_words"
        matches = f"SELECT rowid FROM {words} WHERE {words} MATCH :text"  # noqa: S608
        return f" AND id IN ({matches} ORDER BY rowid DESC LIMIT {MOST})"

    def _walk(self, query: Query, *summed: str) -> str:
        """Write the statement that reads at most `MOST` summaries for the query.

        It says of each its key and whether the filters have `found` it. An index has all that the
        totals read.
        """
        order, along = ORDERS[query.order], _along(query)
        index = _index(query)
        others = _others(query)
        key = f"{self._summaries}.rowid AS id, {order.value} AS value, seq"
        columns = ", ".join((key, f"{_all(others)} AS found", *summed))
        if along is None:
            words = f"{self._texts}_words"
            return (
                f"SELECT {columns} FROM (SELECT rowid AS match FROM {words}"  # noqa: S608
                f" WHERE {words} MATCH :text ORDER BY rowid DESC LIMIT {MOST})"
                f" CROSS JOIN {self._summaries} ON {self._summaries}.rowid = match"
            )
        walked = (name for name in query.filters if name not in others)
        conditions = ["started IS NOT NULL", _all(walked)]
        reverse = query.reverse and along is order
        if query.key and along is order:
            conditions.append(order.beyond(reverse=reverse).replace("value", order.value, 1))
        return (
            f"SELECT {columns} FROM {self._summaries}"  # noqa: S608
            f" INDEXED BY {self._summaries}_by_{index} WHERE {' AND '.join(conditions)}"
            f" ORDER BY {along.sql(reverse=reverse).replace('value', along.value)} LIMIT {MOST}"
        )


def _index(query: Query) -> str:
    """Choose the index: that of a filter; without any filter, that of the order."""
    order = "time" if query.filters else ORDERS[query.order].index
    return next((name for name in _INDEXED if name in query.filters), order)


def _others(query: Query) -> list[str]:
    """Name the filters that the walk does not meet by itself."""
    walked = () if "text" in query.filters else (_index(query), *_TIMES)
    return [name for name in query.filters if name not in walked]


def _along(query: Query) -> Order | None:
    """Return the order in which the walk meets rows; None for matches of a text.

    Only an index of its own has the order of a value; those of filters have that of the time.
    """
    if "text" in query.filters:
        return None
    order = ORDERS[query.order]
    return order if order.index in (_index(query), "time") else ORDERS["newest"]


def _all(names: Iterable[str]) -> str:
    """Write the condition that all these filters make."""
    return " AND ".join(_CONDITIONS[name] for name in names) or "true"
