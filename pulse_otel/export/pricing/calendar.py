"""Days on which prices of weekdays do not hold: the holidays of the one host that has such prices.

The State Council announces the holidays of a year in the autumn before it; a release adds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

_SATURDAY: Final = 5

# Year -> the days off, from the first to the last. Of 2026: notice 7 of 2025, State Council.
_CHINA: Final[Mapping[int, tuple[tuple[date, date], ...]]] = {
    2026: (
        (date(2026, 1, 1), date(2026, 1, 3)),
        (date(2026, 2, 15), date(2026, 2, 23)),
        (date(2026, 4, 4), date(2026, 4, 6)),
        (date(2026, 5, 1), date(2026, 5, 5)),
        (date(2026, 6, 19), date(2026, 6, 21)),
        (date(2026, 9, 25), date(2026, 9, 27)),
        (date(2026, 10, 1), date(2026, 10, 7)),
    ),
}
HOLIDAYS_SOURCE: Final = "https://politics.gmw.cn/2025-11/04/content_38391083.htm"
YEARS: Final = tuple(_CHINA)

_HOLIDAYS: Final = frozenset(
    first + timedelta(days)
    for spans in _CHINA.values()
    for first, last in spans
    for days in range((last - first).days + 1)
)


def is_workday(day: date) -> bool | None:
    """Whether prices of weekdays hold on `day`; None for one of a year without a calendar."""
    if day.weekday() >= _SATURDAY or day in _HOLIDAYS:
        return False
    return True if day.year in _CHINA else None
