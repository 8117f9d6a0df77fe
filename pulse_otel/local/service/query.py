"""Parse the query parameters of the read routes (contract §2.5, §3.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import TypeAlias

from pulse_otel.local.json_text import MAX_SAFE_INTEGER
from pulse_otel.local.service import checks
from pulse_otel.local.service.checks import Check, Issue, milliseconds
from pulse_otel.local.storage.spans import KINDS, SOURCES, STATUSES

Parameters: TypeAlias = dict[str, "str | int"]
Parser: TypeAlias = Callable[[str], "str | int"]

# The legacy service rejects any other provider (contract §2.1).
LEGACY_PROVIDERS = ("openai", "anthropic", "openrouter")

# Smaller numbers are seconds: in ms they would mean a time before 1974.
_FIRST_MS_EPOCH = 100_000_000_000
_LAST_MS_EPOCH = 253_402_300_799_999  # of a datetime
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
# JavaScript reads more than ISO dates; these are the usual ones.
_DATE_FORMATS = (
    "%Y-%m", "%b %d %Y", "%b %d, %Y", "%B %d %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y", "%m/%d/%Y",
    "%Y/%m/%d", "%b %d %Y %H:%M:%S", "%a, %d %b %Y %H:%M:%S GMT",
)  # fmt: skip


class BadQuery(ValueError):
    """The route refuses the query with a 400; `issues` are those of parameters but dates."""

    def __init__(self, message: str, issues: list[Issue]) -> None:
        super().__init__(message)
        self.issues = issues


class _BadValueError(ValueError):
    """A parameter has a bad value; without an issue it is a date."""

    def __init__(self, issue: Issue | None = None) -> None:
        super().__init__()
        self.issue = issue


def parse_query(query: Mapping[str, str], parsers: Mapping[str, Parser]) -> Parameters:
    """Parse the known parameters of `query`, and ignore others. Raises BadQuery.

    An empty text or date is no filter.
    """
    found: Parameters = {}
    issues: list[Issue] = []
    bad_dates: list[str] = []
    for name, parser in parsers.items():
        if name not in query or (not query[name] and parser in _EMPTY_IS_ABSENT):
            continue
        try:
            found[name] = parser(query[name])
        except _BadValueError as error:
            if error.issue is None:
                bad_dates.append(name)
            else:
                issues.append({**error.issue, "path": [name]})
    if issues:
        raise BadQuery("Invalid query parameters", issues)
    if bad_dates:
        raise BadQuery(f"Invalid {bad_dates[0]} parameter", [])
    return found


def parse_period(query: Mapping[str, str]) -> Parameters:
    """Parse the parameters of the analytics: both dates are required. Raises BadQuery."""
    issues = checks.issues_of({**query}, _PERIOD, path=())
    if issues:
        raise BadQuery("Invalid query parameters", issues)
    bounds: Parameters = {name: milliseconds(query[name]) or 0 for name in ("date_from", "date_to")}
    return {**bounds, "group_by": query.get("group_by", "day")}


def _checked(check: Check) -> Parser:
    """Make a parser that returns the text if `check` accepts it."""

    def parse(text: str) -> str:
        issue = check(text)
        if issue is not None:
            raise _BadValueError(issue)
        return text

    return parse


def _instant(text: str) -> int:
    """Parse a date, epoch seconds or milliseconds as ms (contract §2.5)."""
    if _NUMBER.fullmatch(text):
        number = float(text)
        ms = number if abs(number) >= _FIRST_MS_EPOCH else number * 1000
        if abs(ms) > _LAST_MS_EPOCH:
            raise _BadValueError
        return int(ms)
    moment = milliseconds(text)
    return _read_date(text) if moment is None else moment


def _read_date(text: str) -> int:
    """Parse a date as JavaScript does, but in UTC if it names no zone."""
    moments = (_date_or_none(read, text) for read in _DATE_READERS)
    found = next((moment for moment in moments if moment is not None), None)
    if found is None:
        raise _BadValueError
    return found


def _date_or_none(read: Callable[[str], datetime], text: str) -> int | None:
    try:
        moment = read(text.strip())
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        return int(zoned.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _reader(date_format: str) -> Callable[[str], datetime]:
    return lambda text: datetime.strptime(text, date_format)


_DATE_READERS = (datetime.fromisoformat, *map(_reader, _DATE_FORMATS))


def _last_instant(text: str) -> int:
    """Parse as `_instant` does, but a date without a time as the end of its day."""
    whole_day = timedelta(days=1) // timedelta(milliseconds=1) - 1
    return _instant(text) + (whole_day if _DATE.fullmatch(text) else 0)


def _integer(least: int, most: int) -> Parser:
    """Make the parser of an integer, which JavaScript reads: `1e2` and ` 5` are numbers."""

    def parse(text: str) -> int:
        stripped = text.strip() or "0"
        if not _NUMBER.fullmatch(stripped):
            issue = checks.wrong_type("number", 0)
            message = "Invalid input: expected number, received NaN"
            raise _BadValueError({**issue, "received": "NaN", "message": message})
        number = float(stripped)
        if not number.is_integer():
            raise _BadValueError({"format": "safeint", **checks.wrong_type("int", number)})
        if number < least:
            raise _BadValueError(
                checks.too_small("number", least, f"expected number to be >={least}")
            )
        if number > most:
            raise _BadValueError(checks.too_big("number", most, f"expected number to be <={most}"))
        return int(number)

    return parse


_EMPTY_IS_ABSENT: tuple[Parser, ...] = (str, _instant, _last_instant)
_PAGE: Mapping[str, Parser] = {"limit": _integer(1, 1000), "offset": _integer(0, MAX_SAFE_INTEGER)}
_STATUS_AND_DATES: Mapping[str, Parser] = {
    "status": _checked(checks.one_of(STATUSES)),
    "date_from": _instant,
    "date_to": _last_instant,
}
_ORIGINS: Mapping[str, Parser] = {"source": _checked(checks.one_of(SOURCES)), "service": str}
# Uploads take any session id; this route takes only UUIDs (contract §3.5).
TRACE_FILTERS: Mapping[str, Parser] = {
    "session_id": _checked(checks.uuid),
    "provider": str,
    "model": str,
    **_ORIGINS,
    **_STATUS_AND_DATES,
    "summary": str,
    **_PAGE,
}
SPAN_FILTERS: Mapping[str, Parser] = {
    "session_id": str,
    "trace_id": str,
    **_ORIGINS,
    "kind": _checked(checks.one_of(KINDS)),
    "tool_name": str,
    **_STATUS_AND_DATES,
    **_PAGE,
}
LEGACY_FILTERS: Mapping[str, Parser] = {
    "session_id": _checked(checks.uuid),
    "provider": _checked(checks.one_of(LEGACY_PROVIDERS)),
    "model": str,
    **_STATUS_AND_DATES,
    **_PAGE,
}
SESSION_FILTERS: Mapping[str, Parser] = _PAGE
GROUPINGS = ("day", "hour", "model", "provider")
_PERIOD: Mapping[str, checks.Field] = {
    "date_from": checks.Field(checks.instant, required=True),
    "date_to": checks.Field(checks.instant, required=True),
    "group_by": checks.Field(checks.one_of(GROUPINGS)),
}
