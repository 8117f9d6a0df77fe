"""Filters of traces: what the service is asked for, and what is checked here.

Neither generation of the service filters by all of it, and each refuses some values (contract
§2.5, §3.5).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pulse_otel.terminal.trace import Trace, objects, session_of, user_of

STATUSES = ("success", "error")
_LEGACY_PROVIDERS = ("openai", "anthropic", "openrouter")  # it refuses to look for others
_UUID = re.compile(
    "[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE
)
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGO = re.compile("([0-9]{1,6})([smhdw])")


@dataclass(frozen=True, slots=True)
class Filters:
    """The parameters of a query, and conditions that a trace must meet besides."""

    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    conditions: tuple[Callable[[Trace], bool], ...] = ()

    def take(self, trace: Trace) -> bool:
        """Return whether `trace` meets the conditions."""
        return all(condition(trace) for condition in self.conditions)


def filters_of(given: Mapping[str, Any]) -> Filters:
    """Make filters of options by name; None counts as not given."""
    chosen = {name: given[name] for name in _FILTERS if given.get(name) is not None}
    parameters: dict[str, str] = {}
    conditions: list[Callable[[Trace], bool]] = []
    for name, value in chosen.items():
        parameter, asked, condition = _FILTERS[name]
        if parameter and asked(value):
            parameters[parameter] = str(value)
        elif condition:
            conditions.append(lambda trace, c=condition, v=value: c(trace, v))  # type: ignore[misc]
    return Filters(parameters, tuple(conditions))


def moment(text: str) -> int:
    """Read a time as ms since the epoch: "15m" ago, or a date, of this machine's zone without one.

    Raises ValueError.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return int((time.time() - int(ago[1]) * _UNITS_S[ago[2]]) * 1000)
    if not text[:4].isdigit():
        raise ValueError("no time")
    # Python 3.10 does not parse a Z.
    return int(datetime.fromisoformat(text.strip().replace("Z", "+00:00")).timestamp() * 1000)


def _in_session(trace: Trace, name: str) -> bool:
    of_spans = [span.get("sessionId") for span in objects(trace.get("spans"))]
    return name in (session_of(trace), trace.get("sessionId"), *of_spans)


def _has_text(trace: Trace, text: str) -> bool:
    parts = (trace.get("summary"), trace.get("outputText"), trace.get("requestBody"))
    return text.lower() in " ".join(map(str, parts)).lower()


def _always(value: Any) -> bool:
    return True


def _never(value: Any) -> bool:
    return False


# Option -> the parameter of the service, if any; the values that either generation takes for it;
# the condition that is checked here for other values.
_FILTERS: Mapping[
    str, tuple[str, Callable[[Any], bool], Callable[[Trace, Any], bool] | None]
] = {
    "since": ("date_from", _always, None),
    "until": ("date_to", _always, None),
    "status": ("status", _always, None),
    "model": ("model", _always, None),
    "provider": (
        "provider",
        lambda value: value in _LEGACY_PROVIDERS,
        lambda trace, value: trace.get("provider") == value,
    ),
    "session": ("session_id", lambda value: bool(_UUID.fullmatch(value)), _in_session),
    "user": ("", _never, lambda trace, value: user_of(trace) == value),
    "text": ("", _never, _has_text),
}  # fmt: skip
