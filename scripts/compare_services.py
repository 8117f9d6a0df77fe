"""Send the same requests to `pulse-otel serve` and to another trace service; print what differs.

Run it from the checkout:

    python scripts/compare_services.py                             # serve against serve itself
    PULSE_API_KEY=... python scripts/compare_services.py http://localhost:3001
    PULSE_API_KEY=... python scripts/compare_services.py --legacy http://localhost:3001

It stores a few hundred spans in the project of the key, all at one day between 2001 and 2014. The
exit status is 1 if the answers differ.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

sys.path.insert(0, str(Path(__file__).resolve().parent))

from compare_cases import Case, Run, last_stored, reads, uploads

from pulse_otel.local.commands import SAMPLE_KEY
from pulse_otel.local.json_text import parse_json
from pulse_otel.local.service.app import create_app
from pulse_otel.local.service.legacy.app import create_legacy_app
from pulse_otel.local.serving import serving

TIMEOUT_S = 30
STORED_S = 30
SHOWN = 160
_TIME = re.compile(r"(20[0-9]{2})-[0-9]{2}-[0-9]{2}T[0-9:.]{12}Z")
_FIRST_YEAR_OF_NOW = 2020  # the cases lie before it


@dataclass(frozen=True)
class Service:
    """A trace service at `url`, with a key of it."""

    url: str
    key: str

    def answer(self, case: Case) -> tuple[int, Any]:
        """Return the status, and the JSON or text of the answer."""
        headers = {"Authorization": f"Bearer {self.key}"} if case.key else {}
        found = requests.request(
            case.method,
            self.url + case.path,
            data=case.body,
            headers=headers,
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )
        kind = found.headers.get("Content-Type", "").partition(";")[0]
        if kind == "application/json":
            return found.status_code, parse_json(found.text)
        return found.status_code, found.text if kind == "text/plain" else kind


def compare(here: Service, there: Service, *, legacy: bool) -> tuple[int, list[str]]:
    """Return how many requests each service was sent, and a line per disagreement."""
    run, lines = Run.new(), list[str]()
    sent = 0
    for case in uploads(run, legacy=legacy):
        sent, lines = sent + 1, lines + _disagreements(case, here, there)
    for service in (here, there):
        _wait_for(last_stored(run), service)
    for case in reads(run, legacy=legacy):
        sent, lines = sent + 1, lines + _disagreements(case, here, there)
    return sent, lines


def _wait_for(path: str, service: Service) -> None:
    """Wait until the last upload can be read: an accepted span is stored later."""
    deadline = time.monotonic() + STORED_S
    while service.answer(Case("GET", path))[0] != requests.codes.ok:
        if time.monotonic() > deadline:
            print(f"{service.url} has not stored the last upload after {STORED_S} s")
            return
        time.sleep(0.1)


def _disagreements(case: Case, here: Service, there: Service) -> list[str]:
    mine, theirs = here.answer(case), there.answer(case)
    title = f"{case.method} {case.path}" + (f" ({case.name})" if case.name else "")
    title += "" if case.key else " without a key"
    if mine[0] != theirs[0]:
        return [f"{title}: status {mine[0]} here, {theirs[0]} there"]
    return [f"{title}: {line}" for line in differences(mine[1], theirs[1])]


def differences(here: Any, there: Any, path: str = "$") -> Iterator[str]:
    """Yield a line per place where the two values differ, but for projects and the present."""
    pending = [(path, here, there)]  # JSON may be deeper than Python recurses
    while pending:
        at, mine, theirs = pending.pop()
        if at.endswith(".projectId"):
            continue
        if isinstance(mine, dict) and isinstance(theirs, dict):
            pending += [(f"{at}.{key}", mine[key], theirs[key]) for key in mine if key in theirs]
            for key in sorted(mine.keys() ^ theirs.keys()):
                yield f"{at}.{key}: only {'here' if key in mine else 'there'}"
        elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
            pending += [
                (f"{at}[{i}]", *pair) for i, pair in enumerate(zip(mine, theirs, strict=True))
            ]
        elif _known(mine) != _known(theirs) or isinstance(mine, bool) != isinstance(theirs, bool):
            yield f"{at}: {_short(mine)} here, {_short(theirs)} there"


def _known(value: Any) -> Any:
    """Return the value; a time of the present is any other one."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    return "now" if match and int(match[1]) >= _FIRST_YEAR_OF_NOW else value


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except RecursionError:
        text = "a deep value"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare as the command line asks; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url", nargs="?", help="the other service; none: another serve")
    parser.add_argument("--legacy", action="store_true", help="compare the legacy generation")
    given = parser.parse_args(arguments)
    make = create_legacy_app if given.legacy else create_app
    with contextlib.ExitStack() as stack:
        here = Service(stack.enter_context(serving(make())), SAMPLE_KEY)
        there = Service(
            (given.url or stack.enter_context(serving(make()))).rstrip("/"),
            os.environ.get("PULSE_API_KEY", SAMPLE_KEY) if given.url else SAMPLE_KEY,
        )
        sent, lines = compare(here, there, legacy=given.legacy)
    print("\n".join([*lines, f"{sent} requests, {len(lines)} disagreements"]))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
