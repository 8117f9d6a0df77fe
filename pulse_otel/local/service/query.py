"""Parse the query parameters of the read routes (contract §2.5, §3.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import TypeAlias

from pulse_otel.local.storage.spans import KINDS, SOURCES, STATUSES

Parser: TypeAlias = Callable[[str], "str | int"]

# The legacy service rejects any other provider (contract §2.1).
LEGACY_PROVIDERS = ("openai", "anthropic", "openrouter")

_UUID = re.compile(
    "[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    "|0{8}-0{4}-0{4}-0{4}-0{12}|f{8}-f{4}-f{4}-f{4}-f{12}",
    re.IGNORECASE,
)
# Smaller numbers are seconds: in ms they would mean a time before 1974.
_FIRST_MS_EPOCH = 100_000_000_000


class BadParameter(ValueError):
    """A query parameter that the route refuses with a 400."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.name = name


def is_uuid(text: str) -> bool:
    """Return whether `text` is a UUID as the service accepts it (contract §2.1)."""
    return _UUID.fullmatch(text) is not None


def parse_query(query: Mapping[str, str], parsers: Mapping[str, Parser]) -> dict[str, str | int]:
    """Parse the known parameters of `query` and ignore others. Raises BadParameter."""
    return {name: _parsed(name, query[name], parsers[name]) for name in parsers if name in query}


def _parsed(name: str, text: str, parser: Parser) -> str | int:
    try:
        return parser(text)
    except (ValueError, OverflowError) as error:
        raise BadParameter(name, str(error)) from error


def _uuid(text: str) -> str:
    if not is_uuid(text):
        raise ValueError("Invalid UUID")
    return text


def _one_of(options: tuple[str, ...]) -> Parser:
    def parse(text: str) -> str:
        if text not in options:
            raise ValueError("Invalid option: expected one of " + "|".join(options))
        return text

    return parse


def _instant(text: str) -> int:
    """Parse a date, ISO 8601, epoch seconds or milliseconds as ms (contract §2.5)."""
    if re.fullmatch("[0-9]{1,14}", text):
        return int(text) if int(text) >= _FIRST_MS_EPOCH else int(text) * 1000
    moment = datetime.fromisoformat(re.sub("Z$", "+00:00", text))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return int(moment.timestamp() * 1000)


def _last_instant(text: str) -> int:
    """Parse as `_instant` does, but a date without a time as the end of its day."""
    whole_day = timedelta(days=1) // timedelta(milliseconds=1) - 1
    return _instant(text) + (whole_day if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else 0)


def _integer(least: int, most: int) -> Parser:
    def parse(text: str) -> int:
        if not re.fullmatch("[0-9]{1,15}", text) or not least <= int(text) <= most:
            raise ValueError(f"Invalid input: expected an integer from {least} to {most}")
        return int(text)

    return parse


PAGE: Mapping[str, Parser] = {"limit": _integer(1, 1000), "offset": _integer(0, 10**15)}
_SHARED_FILTERS: Mapping[str, Parser] = {
    "provider": str,
    "model": str,
    "status": _one_of(STATUSES),
    "date_from": _instant,
    "date_to": _last_instant,
}
_SPAN_ORIGINS: Mapping[str, Parser] = {"source": _one_of(SOURCES), "service": str}
# Uploads take any session id; this route takes only UUIDs (contract §3.5).
TRACE_FILTERS: Mapping[str, Parser] = {**_SHARED_FILTERS, **_SPAN_ORIGINS, "session_id": _uuid}
SPAN_FILTERS: Mapping[str, Parser] = {
    **_SHARED_FILTERS,
    **_SPAN_ORIGINS,
    "session_id": str,
    "trace_id": str,
    "kind": _one_of(KINDS),
    "tool_name": str,
}
LEGACY_FILTERS: Mapping[str, Parser] = {
    **_SHARED_FILTERS,
    "session_id": _uuid,
    "provider": _one_of(LEGACY_PROVIDERS),
}
