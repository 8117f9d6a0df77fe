"""Read what the address of a list asks for, and write the addresses of other views of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import TypeAlias
from urllib.parse import urlencode

from pulse_otel.local.pages.paths import read_key
from pulse_otel.local.storage.trace_list import ORDERS, Query

Found: TypeAlias = "dict[str, str | int]"

PERIODS: Mapping[str, tuple[str, int]] = {
    "1h": ("last hour", 3600),
    "2h": ("last 2 hours", 7200),
    "today": ("today", 0),
    "24h": ("last 24 hours", 86_400),
    "7d": ("last 7 days", 7 * 86_400),
}
KINDS: Mapping[str, str] = {
    "calls": "with calls", "tools": "with tools", "agents": "with agents", "others": "with others",
}  # fmt: skip
STATUSES: Mapping[str, str] = {"error": "failed", "success": "succeeded"}
_CONDITION_OF_STATUS = {"error": "failed", "success": "succeeded"}
_WORD = re.compile(r"\w")
_KEYS = ("next", "prev")


@dataclass(frozen=True)
class Address:
    """The parameters of a list that have a value, as they were given."""

    parameters: Mapping[str, str]

    def query(self, *, keyed: bool = True) -> Query:
        """Return what the storage is asked for; a value that makes no sense is no filter."""
        filters: Found = {}
        for name, read in _FILTERS.items():
            if name in self.parameters:
                filters |= read(self.parameters[name])
        key = next((name for name in _KEYS if keyed and name in self.parameters), "")
        return Query(
            filters=filters,
            order=self.order,
            key=read_key(self.parameters[key]) if key else None,
            reverse=key == "prev",
        )

    @property
    def order(self) -> str:
        """The name of the order."""
        given = self.parameters.get("sort", "")
        return given if given in ORDERS else "newest"

    @property
    def filters(self) -> dict[str, str]:
        """The parameters that filter, with what a reader sees of their values."""
        return {
            name: _SHOWN.get(name, {}).get(value, value)
            for name, value in self.parameters.items()
            if name in _FILTERS and _FILTERS[name](value)
        }

    def at(self, path: str = "/", **changes: str | None) -> str:
        """Write the address with these changes, at its first page; None takes one away."""
        kept = {k: v for k, v in self.parameters.items() if k not in _KEYS}
        chosen = {name: value for name, value in {**kept, **changes}.items() if value}
        return f"{path}?{urlencode(chosen)}" if chosen else path


def read_address(parameters: Mapping[str, str]) -> Address:
    """Keep the parameters of a list; others, and empty ones, are left out."""
    names = (*_FILTERS, "sort", *_KEYS)
    return Address({n: parameters[n].strip() for n in names if parameters.get(n, "").strip()})


def _equal(name: str) -> Callable[[str], Found]:
    return lambda value: {name: value}


def _text(value: str) -> Found:
    """Make a query for traces that have all words; the last may be the beginning of one."""
    # A NUL would end SQLite's reading of the query.
    found = value.replace("\0", " ").split()
    words = [word.replace('"', '""') for word in found if _WORD.search(word)]
    return {"text": " ".join(f'"{word}"' for word in words) + "*"} if words else {}


def _status(value: str) -> Found:
    return {_CONDITION_OF_STATUS[value]: 1} if value in _CONDITION_OF_STATUS else {}


def _kind(value: str) -> Found:
    return {value: 1} if value in KINDS else {}


def _period(value: str) -> Found:
    if value not in PERIODS:
        return {}
    now = int(time.time())
    begin = now - PERIODS[value][1] if PERIODS[value][1] else now - now % 86_400
    return {"date_from": begin * 1000}


def _moment(name: str) -> Callable[[str], Found]:
    def read(value: str) -> Found:
        try:
            moment = datetime.fromisoformat(value.removesuffix("Z"))
        except ValueError:
            return {}
        if not moment.tzinfo:
            moment = moment.replace(tzinfo=timezone.utc)
        return {name: int(moment.timestamp() * 1000)}

    return read


def _dollars(value: str) -> Found:
    try:
        cents = 100 * Decimal(value.removeprefix("$"))
    except ArithmeticError:
        return {}
    # Text, because a filter is no fraction; the statement reads it as a number.
    return {"cost": str(cents)} if cents.is_finite() else {}


_FILTERS: Mapping[str, Callable[[str], Found]] = {
    "q": _text,
    "status": _status,
    "time": _period,
    "from": _moment("date_from"),
    "to": _moment("date_to"),
    "provider": _equal("provider"),
    "model": _equal("model"),
    "user": _equal("user"),
    "session": _equal("session"),
    "kind": _kind,
    "cost": _dollars,
}
_SHOWN: Mapping[str, Mapping[str, str]] = {
    "status": STATUSES,
    "kind": KINDS,
    "time": {name: shown for name, (shown, _) in PERIODS.items()},
}
