"""Format tokens, cost, time and JSON for the pages; None stands for an unknown value."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import TypeAlias

from pulse_otel.local.json_text import Json

Span: TypeAlias = Mapping[str, Json]

DASH = "\N{EN DASH}"
TOO_DEEP = "(nested too deeply to be shown)"

_TOKENS = ("inputTokens", "outputTokens")


def tokens(calls: Sequence[Span]) -> str | None:
    """Format the input and output tokens of `calls`; None if all are unknown.

    In the legacy form an unknown count is 0 (contract §2.6).
    """
    return token_pair(*(_total(calls, name) for name in _TOKENS))


def token_pair(*totals: float | None) -> str | None:
    """Format input and output tokens; None if all are unknown."""
    if not any(totals):
        return None
    return " → ".join(DASH if total is None else f"{total:,}" for total in totals)


def cost(calls: Sequence[Span]) -> str | None:
    """Format the cost of `calls` in dollars; None if no cost is known, "≥" if not all are."""
    cents = _total(calls, "costCents")
    if cents is None or (cents == 0 and tokens(calls) is None):
        return None
    unknown = any(call.get("costCents") is None and call["status"] == "success" for call in calls)
    return dollars(cents, at_least=unknown)


def _total(calls: Iterable[Span], name: str) -> float | None:
    found = [value for call in calls if isinstance(value := call.get(name), (int, float))]
    return sum(found) if found else None


def dollars(cents: float, *, at_least: bool = False) -> str:
    """Format a cost; `at_least` marks a sum to which not all calls add a known cost."""
    shown = f"${cents / 100:,.4f}"
    if at_least:
        return f"≥ {shown}"
    # Four decimals (contract §3.7) would show a tiny cost as none.
    return "< $0.0001" if 0 < cents < 0.01 else shown


def milliseconds(value: Json) -> str | None:
    """Format a duration in ms, never in seconds, so that figures can be compared."""
    return f"{value:,.0f} ms" if isinstance(value, (int, float)) else None


def moment(timestamp: Json) -> str:
    """Format an ISO date and time without its fraction."""
    return str(timestamp)[:19].replace("T", " ")


def iso_minute(milliseconds: int) -> str:
    """Format milliseconds since the epoch as date, hour and minute, in UTC."""
    start = datetime(1970, 1, 1, tzinfo=timezone.utc)
    return f"{start + timedelta(milliseconds=milliseconds):%Y-%m-%d %H:%M}"


def in_the_middle(text: str, head: int = 8, tail: int = 14) -> str:
    """Shorten `text` in its middle: ids often differ at their ends only."""
    return text if len(text) <= head + tail + 1 else f"{text[:head]}…{text[-tail:]}"


def hue(text: str) -> int:
    """Return the degree of a colour that is always the same for `text`."""
    return zlib.crc32(text.encode("utf-8", "replace")) % 360


def as_json(value: Json, *, indent: int | None = None) -> str:
    """Format `value` as JSON; the service accepts deeper nesting than Python can write."""
    try:
        return json.dumps(value, ensure_ascii=False, indent=indent)
    except RecursionError:
        return TOO_DEEP


def clipped(text: str, limit: int) -> str:
    """Return the first `limit` characters of `text`, and say how many follow."""
    left_out = len(text) - limit
    return text if left_out <= 0 else f"{text[:limit]} … [{left_out:,} more characters]"
