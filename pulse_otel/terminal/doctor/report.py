"""Print findings: as lines, wrapped to the terminal's width, or as one object of JSON."""

from __future__ import annotations

import platform
import textwrap
from collections import Counter
from typing import Any

import pulse_otel
from pulse_otel.config import ApiKey
from pulse_otel.masking import MASK
from pulse_otel.terminal.doctor.finding import Finding, Status
from pulse_otel.terminal.json_lines import json_line
from pulse_otel.terminal.output import say
from pulse_otel.terminal.table import line, terminal_width

_STATUS, _NAME = 8, 14
_INDENT = " " * (_STATUS + _NAME)
_LEAST = 24  # characters of text in a line, however narrow the terminal


def _safe(text: str, key: ApiKey | None) -> str:
    """Return `text` in one line, without the key, should anything ever quote it."""
    return line(text if key is None else text.replace(key.reveal(), MASK))


class TextReport:
    """Prints each finding as it comes: some take seconds."""

    def __init__(self) -> None:
        self._counts: Counter[Status] = Counter()
        width = terminal_width()
        self._width = None if width is None else max(width - len(_INDENT), _LEAST)

    def begin(self) -> None:
        """Print what this is about."""
        python = f"{platform.python_implementation()} {platform.python_version()}"
        say(f"pulse-otel {pulse_otel.__version__}, {python}\n")

    def add(self, name: str, finding: Finding, key: ApiKey | None) -> None:
        """Print a finding and its remedy."""
        self._counts[finding.status] += 1
        told = self._wrapped(_safe(finding.said, key))
        if finding.remedy:
            told += self._wrapped(_safe(f"Fix: {finding.remedy}", key))
        say(f"{finding.status.value:{_STATUS}}{name:{_NAME}}{told[0]}")
        for text in told[1:]:
            say(_INDENT + text)

    def _wrapped(self, text: str) -> list[str]:
        if self._width is None:
            return [text]
        return textwrap.wrap(text, self._width, break_on_hyphens=False) or [""]

    def end(self, key: ApiKey | None) -> None:
        """Print how many findings ask for something."""
        kinds = (Status.ERROR, Status.WARNING)
        told = [
            f"{self._counts[kind]} {kind.value}{'s'[: self._counts[kind] != 1]}" for kind in kinds
        ]
        say(f"\n{', '.join(told)}.")


class JsonReport:
    """Prints all findings at the end."""

    def __init__(self) -> None:
        self._found: list[dict[str, str]] = []

    def begin(self) -> None:
        """Print nothing yet."""

    def add(self, name: str, finding: Finding, key: ApiKey | None) -> None:
        """Keep a finding."""
        said, remedy = (_safe(text, key) for text in (finding.said, finding.remedy))
        self._found.append(
            {"check": name, "status": finding.status.value, "found": said, "remedy": remedy}
        )

    def end(self, key: ApiKey | None) -> None:
        """Print the object; its status is the worst one."""
        worst = [status.value for status in (Status.ERROR, Status.WARNING)]
        statuses = {one["status"] for one in self._found}
        report: dict[str, Any] = {
            "version": pulse_otel.__version__,
            "python": platform.python_version(),
            "status": next((one for one in worst if one in statuses), Status.OK.value),
            "checks": self._found,
        }
        say(json_line(report))
