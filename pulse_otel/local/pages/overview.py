"""Render the overview at `/overview`: figures of all calls over time, and by model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from pulse_otel.local.pages import charts, formatting
from pulse_otel.local.pages.empty_state import empty_state
from pulse_otel.local.pages.list_address import PERIODS as TIMES
from pulse_otel.local.pages.rendering import REFRESH_S, render
from pulse_otel.local.storage import usage
from pulse_otel.local.storage.database import Select
from pulse_otel.local.storage.derivation import PERIODS
from pulse_otel.local.storage.latencies import RESOLUTION
from pulse_otel.local.storage.usage import Usage, Window

_FIVE_MINUTES, _HOUR, _SIX_HOURS, _DAY = PERIODS
_DEFAULT_RANGE = "24h"
_MOST_STEPS = 60
_MOST_ROWS = 20
_PERCENTS = (50, 95, 99)
_SIZES = ("width", "height", "left", "right", "bottom")


@dataclass(frozen=True)
class _Range:
    """A choice of the reader: the steps of `length` ms; None takes all time."""

    name: str
    length: int
    steps: int | None


_RANGES: Final[Mapping[str, _Range]] = {
    "1h": _Range("1 hour", _FIVE_MINUTES, 12),
    "24h": _Range("24 hours", _HOUR, 24),
    "7d": _Range("7 days", _SIX_HOURS, 28),
    "30d": _Range("30 days", _DAY, 30),
    "all": _Range("all time", _DAY, None),
}


# The list of traces knows these times.
_LIST_TIMES = {name: {"time": name} for name in _RANGES if name in TIMES}


def page(request: Request, select: Select, table: str, *, stored: Mapping[str, Any]) -> Response:
    """Render the overview from the roll-up `table`; `stored` says how much is stored."""
    chosen = request.query_params.get("range", "")
    chosen = chosen if chosen in _RANGES else _DEFAULT_RANGE
    extent = usage.extent(select, table, _DAY)
    keep = stored["keep_ms"]
    values: dict[str, Any] = {
        "section": "overview",
        "known": extent is not None,
        "stored_size": stored["size"],
        "kept": keep and _width(keep),
    }
    if extent is None:
        return render("overview.html", **values, **empty_state(request), refresh_s=REFRESH_S)
    window = _window(_RANGES[chosen], extent, time.time_ns() // 1_000_000)
    found = usage.read(select, table, window)
    total = _sum(found.models.values())
    steps = [found.steps.get(step, Usage()) for step in range(window.steps())]
    axis = _axis(window)
    return render(
        "overview.html",
        **values,
        ranges={key: one.name for key, one in _RANGES.items()},
        chosen=chosen,
        width=_width(window.width),
        each=_width(window.width).removeprefix("1 "),
        resolution=RESOLUTION,
        total=_row(total),
        size={name: getattr(charts, name.upper()) for name in _SIZES},
        charts=_charts(axis, steps, total),
        steps=[{"name": n, **_row(u)} for n, u in zip(axis.names, steps, strict=True) if u.calls],
        **_tables(found.models, _LIST_TIMES.get(chosen, {})),
    )


def _window(chosen: _Range, extent: tuple[int, int], now: int) -> Window:
    """Take the steps up to the one that contains `now`; over all time, wider ones."""
    first, last = extent
    width = chosen.length
    current = now - now % width
    if chosen.steps is None:
        last = max(last, current)
        width *= -(-((last - first) // width + 1) // _MOST_STEPS)
        return Window(length=chosen.length, width=width, since=first, until=last)
    since = current - (chosen.steps - 1) * width
    return Window(length=chosen.length, width=width, since=since, until=current)


def _axis(window: Window) -> charts.Axis:
    starts = [window.since + step * window.width for step in range(window.steps())]
    moments = [formatting.iso_minute(start) for start in starts]
    days = window.width >= _DAY
    return charts.Axis(
        names=[moment[:10] if days else moment for moment in moments],
        labels=[_label(moment, window.width) for moment in moments],
    )


def _label(moment: str, width: int) -> str:
    return moment[5:10] if width > _HOUR else moment[11:]


def _width(milliseconds: int) -> str:
    for length, name in ((_DAY, "day"), (_HOUR, "hour"), (60_000, "minute")):
        if milliseconds >= length:
            count = milliseconds // length
            return f"{count} {name}s" if count > 1 else f"1 {name}"
    return f"{milliseconds} ms"


def _charts(axis: charts.Axis, steps: Sequence[Usage], total: Usage) -> list[charts.Chart]:
    row = _row(total)
    tokens = {"input": [s.input_tokens for s in steps], "output": [s.output_tokens for s in steps]}
    at = zip(*(step.percentiles(_PERCENTS) for step in steps), strict=True)
    latency = {f"p{n}": values for n, values in zip(_PERCENTS, at, strict=True)}
    calls = {"requests": [step.calls for step in steps]}
    errors = {"errors": [step.errors for step in steps]}
    costs = {"cost": [step.cost_cents for step in steps]}
    return [
        charts.bars("requests", "Requests", row["calls"], axis, calls, _short),
        charts.bars("errors", "Errors", row["errors"], axis, errors, _short),
        charts.bars("cost", "Cost", row["cost"], axis, costs, _money),
        charts.bars("tokens", "Tokens", row["tokens"], axis, tokens, _short),
        charts.lines("latency", "Latency", f"p50 {row['p50']}", axis, latency, _latency),
    ]


def _tables(models: Mapping[tuple[str, str], Usage], period: Mapping[str, str]) -> dict[str, Any]:
    """Make the rows of the tables, each with the address of the list of its traces."""
    providers: dict[str, Usage] = {}
    for (provider, _), found in models.items():
        providers.setdefault(provider, Usage()).add(found)
    by_model = [
        {
            "name": model,
            "provider": provider,
            "link": "/?" + urlencode({"model": model, **period}),
            **_row(found),
        }
        for (provider, model), found in sorted(models.items(), key=lambda item: -item[1].calls)
    ]
    by_provider = [
        {
            "name": provider,
            "link": "/?" + urlencode({"provider": provider, **period}),
            **_row(found),
        }
        for provider, found in sorted(providers.items(), key=lambda item: -item[1].calls)
    ]
    return {
        "models": by_model[:_MOST_ROWS],
        "more_models": len(by_model) - len(by_model[:_MOST_ROWS]),
        "providers": by_provider[:_MOST_ROWS],
        "more_providers": len(by_provider) - len(by_provider[:_MOST_ROWS]),
    }


def _row(found: Usage) -> dict[str, str]:
    """Format the figures of some calls."""
    latencies = zip(_PERCENTS, found.percentiles(_PERCENTS), strict=True)
    share = f" ({found.errors / found.calls:.1%})" if found.errors else ""
    return {
        "calls": f"{found.calls:,}",
        "errors": f"{found.errors:,}{share}",
        "tokens": formatting.token_pair(found.input_tokens, found.output_tokens) or formatting.DASH,
        "cost": formatting.DASH
        if found.cost_cents is None
        else formatting.dollars(found.cost_cents, at_least=found.unpriced > 0),
        **{f"p{n}": _known(latency) for n, latency in latencies},
    }


def _sum(found: Any) -> Usage:
    total = Usage()
    for one in found:
        total.add(one)
    return total


def _known(latency: float | None) -> str:
    return formatting.milliseconds(latency) or formatting.DASH


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _money(cents: float) -> str:
    return f"${cents / 100:.3g}" if cents < 100_000 else f"${_short(cents / 100)}"


def _latency(milliseconds: float) -> str:
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:,.3g} s"
    return f"{milliseconds:.3g} ms"
