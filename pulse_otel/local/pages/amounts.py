"""Tokens, cost, time and JSON as the page writes them; None is shown as a dash."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from pulse_otel.local.json_text import Json

Span: TypeAlias = Mapping[str, Json]

DASH = "\N{EN DASH}"
TOO_DEEP = "(nested too deeply to be shown)"

_TOKENS = ("inputTokens", "outputTokens")


def tokens(calls: Sequence[Span]) -> str | None:
    """The tokens of `calls`, in and out; None if nobody counted any.

    Where they are unknown the legacy form has zeros (contract §2.6).
    """
    totals = [_total(calls, name) for name in _TOKENS]
    if not any(totals):
        return None
    return " → ".join(DASH if total is None else f"{total:,}" for total in totals)


def cost(calls: Sequence[Span]) -> str | None:
    """What `calls` cost, in dollars; None if no price is known, "≥" if not all are."""
    cents = _total(calls, "costCents")
    if cents is None or (cents == 0 and tokens(calls) is None):
        return None
    unknown = any(call.get("costCents") is None and call["status"] == "success" for call in calls)
    dollars = f"${cents / 100:,.4f}"
    if unknown:
        return f"≥ {dollars}"
    # Four decimals (contract §3.7), but a tiny cost does not look like none.
    return "< $0.0001" if 0 < cents < 0.01 else dollars


def _total(calls: Iterable[Span], name: str) -> float | None:
    found = [value for call in calls if isinstance(value := call.get(name), (int, float))]
    return sum(found) if found else None


def milliseconds(value: Json) -> str | None:
    """A duration in ms; it is not turned into seconds, so that figures can be compared."""
    return f"{value:,.0f} ms" if isinstance(value, (int, float)) else None


def moment(timestamp: Json) -> str:
    """An ISO date and time without its fraction."""
    return str(timestamp)[:19].replace("T", " ")


def json_text(value: Json, *, indent: int | None = None) -> str:
    """`value` as JSON text; the service takes what is nested more deeply than can be written."""
    try:
        return json.dumps(value, ensure_ascii=False, indent=indent)
    except RecursionError:
        return TOO_DEEP


def clipped(text: str, limit: int) -> str:
    """The first `limit` characters of `text`, and how many more there are."""
    left_out = len(text) - limit
    return text if left_out <= 0 else f"{text[:limit]} … [{left_out:,} more characters]"
