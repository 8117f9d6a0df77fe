"""The check of the spool: who has it, how much waits there, and for how long."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from pulse_otel.export.spool import files
from pulse_otel.export.spool.spool import MAX_AGE_S, MAX_BYTES, QUARANTINE, directory_name
from pulse_otel.terminal.doctor.finding import Finding, Setup, error, ok, warning

_FULL = 0.8
_WRITABLE = os.W_OK | os.X_OK


def check_spool(setup: Setup) -> Iterator[Finding]:
    """Look at this project's directory, without making or changing anything."""
    root, key = setup.config.spool_dir, setup.config.api_key
    if root is None:
        yield ok("none: what waits is in memory (PULSE_SPOOL_DIR keeps it on disk)")
        return
    place = Path(root)
    wrong = _wrong_with(place)
    if wrong:
        yield error(f"{place} cannot be used: {wrong}")
        return
    if key is None and setup.config.sends_key:
        yield ok(f"{place}, of {_owner(place)}")
        return
    project = place / directory_name(setup.config.api_url, key)
    yield from _waiting(place, project)


def _wrong_with(place: Path) -> str:
    """Return why the directory, or the one in which it would be made, cannot be used."""
    try:
        if not place.exists():
            above = next(one for one in place.parents if one.exists())
            return "" if os.access(above, _WRITABLE) else f"{above} is not writable"
        files.check_parent(place)
    except OSError as failure:
        # Said of the directory above a project's, which is this one.
        return str(failure.strerror or failure).replace("the directory above it", "it")
    return "" if os.access(place, _WRITABLE) else "it is not writable"


def _waiting(place: Path, project: Path) -> Iterator[Finding]:
    try:
        if not _is_ours(project):
            yield error(f"{project} belongs to {_owner(project)}")
            return
        listing, damaged = _files(project), len(_files(project / QUARANTINE))
    except OSError as failure:
        yield error(f"{project} cannot be read: {failure.strerror}")
        return
    found = [(name, size) for text, size in listing if (name := files.parse(text))]
    size = sum(each for _, each in found)
    spans = sum(name.count for name, _ in found)
    age_s = max((time.time() - name.made for name, _ in found), default=0.0)
    owner = _owner(place) if place.exists() else "nobody yet"
    told = f"{place}, of {owner}: {spans} spans in {size / 1e6:.1f} MB"
    told += f", the oldest for {_age(age_s)}" if found else ""
    if age_s > MAX_AGE_S / 2 or size > MAX_BYTES * _FULL:
        most = f"after {_age(MAX_AGE_S)}, and above {MAX_BYTES >> 20} MB, they are dropped"
        yield warning(f"{told}; {most}", "see that the service takes them")
    else:
        yield ok(told)
    if damaged:
        yield warning(f"{damaged} damaged files are in {project / QUARANTINE}", "delete them")


def _files(directory: Path) -> list[tuple[str, int]]:
    try:
        return files.listing(directory)
    except FileNotFoundError:  # nothing had to wait so far
        return []


def _is_ours(directory: Path) -> bool:
    euid = getattr(os, "geteuid", None)
    return euid is None or not directory.exists() or directory.stat().st_uid == euid()


def _age(seconds: float) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _owner(place: Path) -> str:
    found = place.stat()
    try:
        name = place.owner()
    except (KeyError, NotImplementedError, OSError):
        name = str(found.st_uid)
    return f"{name} (mode {stat.S_IMODE(found.st_mode):03o})"
