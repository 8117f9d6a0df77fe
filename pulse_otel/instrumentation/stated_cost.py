"""Read the cost that a provider states itself, in its own unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.guard import tried
from pulse_otel.instrumentation.reading import number, read, text
from pulse_otel.instrumentation.usage_rules import (
    OWN_KEY,
    STATED_COST_HEADERS,
    STATED_COSTS,
    UPSTREAM_COST,
)

_COSTS = {row.provider: row for row in STATED_COSTS}
_HEADERS = {row.provider: row for row in STATED_COST_HEADERS}


def stated_cost(
    usage: Mapping[str, Any], provider: str, headers: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the attribute for the cost that `provider` states, in US cents; nothing else is read.

    `headers` are those of a whole answer.
    """
    row = _COSTS.get(provider)
    amount = None if row is None or row.path[0] not in usage else _amount(read(usage, *row.path))
    if row is None or amount is None:
        return _of_headers(provider, headers) if headers and provider in _HEADERS else {}
    currency = text(read(usage, *row.path[:-1], "currency"))
    if currency and currency.upper() != "USD":
        return {}
    if usage.get(OWN_KEY) is True:
        upstream = _amount(read(usage, *UPSTREAM_COST))
        if upstream is None:
            return {semconv.PULSE_COST_UNKNOWN: "the upstream's part is not stated"}
        amount += upstream
    return {semconv.PULSE_COST_CENTS: amount * row.cents}


def _of_headers(provider: str, headers: Mapping[str, Any]) -> dict[str, Any]:
    row = _HEADERS[provider]
    if row.path[0] not in headers:
        return {}
    amount = _amount(tried(float, headers[row.path[0]], kinds=ValueError, otherwise=None))
    return {} if amount is None else {semconv.PULSE_COST_CENTS: amount * row.cents}


def _amount(value: Any) -> float | None:
    """Return an amount of money: a number, finite and not negative."""
    found = number(value)
    return found if found is not None and 0 <= found < float("inf") else None
