"""A directory of undelivered batches, shared by any number of processes.

A file holds one batch, one record per line. Its name tells its state (see `files`), and each
change of state is one rename, so one process at a time has it, whatever crashes when. A lease that
ran out may be taken over: the service stores a span that is sent twice once, as spans have ids.

No method raises for a fault of the disk: a batch that cannot be put stays with the caller.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pulse_otel.config import ApiKey
from pulse_otel.export.accounts.span_ends import DropReason
from pulse_otel.export.records.record import Record
from pulse_otel.export.spool import files
from pulse_otel.export.spool.batch import of_other_version, pack, unpack
from pulse_otel.export.spool.files import Name, waiting_name
from pulse_otel.log import rate_limited

MAX_BYTES = 100 << 20
MAX_AGE_S = 48 * 3600.0
LEASE_S = 60.0
ADOPT_S = 60.0
"""The age from which the files of a living process may be adopted by another one."""

QUARANTINE = "quarantine"
_MOST_QUARANTINED = 10

_REFUSED_FOR_S = 5.0  # until a directory that could not be used is tried again
_LISTED_FOR_S = 30.0  # until the directory is listed again
_FULL_AGAIN = 0.95  # the part of `max_bytes` that is kept when it is exceeded
_ours: set[str] = set()  # the waiting names of the files that this process delivers


@dataclass(frozen=True, slots=True)
class Gone:
    """Spans that the spool dropped."""

    file: str  # its waiting name
    count: int
    why: DropReason


@dataclass(frozen=True, slots=True)
class Leased:
    """A batch that this process holds for a while: its file's present name, and its content."""

    file: str
    records: list[Record]
    damaged: int  # how many of its records cannot be read


def directory_name(api_url: str, key: ApiKey | None) -> str:
    """Return the name of the directory for a project of a service; it does not reveal the key."""
    # No variable holds the key, which a traceback might show.
    slow = hashlib.pbkdf2_hmac(
        "sha256", b"" if key is None else key.reveal().encode(), api_url.encode(), 50_000
    )
    return slow.hex()[:16]


class Spool:
    """One project's directory below `root`. Any thread may call each method.

    `clock` is the wall clock: leases and ages concern several processes. `steady` is a monotonic
    clock: it gives the age of what this process wrote, and the time of the next listing.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        name: str,
        *,
        max_bytes: int = MAX_BYTES,
        max_age_s: float = MAX_AGE_S,
        lease_s: float = LEASE_S,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        ours: set[str] = _ours,
    ) -> None:
        self._path = Path(root) / name
        self._max_bytes, self._max_age_s, self._lease_s = max_bytes, max_age_s, lease_s
        self._clock, self._steady = clock, steady
        self._ours = ours
        self._listed_at = self._refused_at = float("-inf")
        self._bytes = 0
        self._usable = False
        self._orphans: deque[Name] = deque()
        self._other_versions: set[str] = set()  # waiting names of files
        self._put_at: dict[str, float] = {}  # when this process wrote a file, by `steady`
        self.gone: list[Gone] = []  # the caller counts these and empties the list

    def _open(self) -> bool:
        """Make the directory, or check the existing one; after a refusal, try again later."""
        if self._usable or time.monotonic() - self._refused_at < _REFUSED_FOR_S:
            return self._usable
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            files.check_parent(self._path.parent)
            files.make_private(self._path)
            files.make_private(self._path / QUARANTINE)
        except OSError as error:
            self._refused_at = time.monotonic()
            self._warn(error)
            return False
        self._usable = True
        return True

    def put(self, records: Sequence[Record]) -> str | None:
        """Write `records` to a new file; return its name, or None if the disk refuses it."""
        return self.put_packed(len(records), pack(records))

    def put_packed(self, count: int, data: bytes) -> str | None:
        """Write the content of `count` packed records, like `put`."""
        name = files.new_name(self._clock(), count)
        self._ours.add(name)  # before the file exists, so that this process does not adopt it
        if not self._written(name, data):
            self._ours.discard(name)
            return None
        self._put_at[name] = self._steady()
        self._bytes += len(data)
        if self._bytes > self._max_bytes or self._steady() - self._listed_at > _LISTED_FOR_S:
            self.sweep()
        return name

    def _written(self, name: str, data: bytes) -> bool:
        if not self._open():
            return False
        try:
            files.write(self._path, name, data)
        except OSError as error:
            self._usable = False
            if isinstance(error, FileNotFoundError) and self._open():  # it had been deleted
                return self._written(name, data)
            self._warn(error)
            return False
        return True

    def lease(self, file: str) -> Leased | None:
        """Take the file that waits under this name.

        Return None if another process has it, or if it cannot be read now: then it waits as before.
        """
        taken = self._hold(file)
        return self._opened(taken) if taken else None

    def adopt(self) -> Leased | None:
        """Take the oldest file that another process, or an earlier one, left behind."""
        if not self._orphans and self._open():
            self._orphans.extend(self.sweep())
        while self._orphans:
            name = self._orphans.popleft()
            if not self._orphaned(name):
                continue
            taken = self._hold(name.text)
            if taken:
                leased = self._opened(taken)
                if leased is None:
                    self.leave(taken)
                if leased is not None or name.waiting not in self._other_versions:
                    return leased
        return None

    def _orphaned(self, name: Name) -> bool:
        now = self._clock()
        if name.waiting in self._ours or name.waiting in self._other_versions:
            return False
        if name.until is not None:
            return not self._held(name)
        return now - name.made > ADOPT_S or now < name.made or not files.alive(name.pid)

    def _held(self, name: Name) -> bool:
        """Return whether a process holds the file.

        A lease that a step of the clock put into the far future counts as run out.
        """
        runs = name.until is not None and 0 <= name.until - self._clock() <= 2 * self._lease_s
        return runs and (name.waiting in self._ours or files.alive(name.pid))

    def renew(self, file: str) -> str:
        """Hold a leased file for longer; return its new name."""
        return self._hold(file) or file

    def release(self, file: str) -> str | None:
        """Put a leased file back; return the name under which it waits, None if it is gone."""
        return self._move(file, waiting_name(file))

    def waits(self, file: str) -> str | None:
        """Return the name under which a file waits to be leased; None if it is taken, or gone."""
        waiting = waiting_name(file)
        try:
            os.lstat(self._path / waiting)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:  # unknown for now; the next lease finds out
            pass
        return waiting

    def ack(self, file: str, *, damaged: bool = False) -> None:
        """Delete a file whose spans have all ended, or quarantine it if it was damaged."""
        self.leave(file)
        if damaged and self._move(file, os.path.join(QUARANTINE, file)):
            return
        with contextlib.suppress(OSError):  # another process took it, or the directory is gone
            self._path.joinpath(file).unlink()

    def leave(self, file: str) -> None:
        """Let another spool, of this process or of another one, deliver the file."""
        self._ours.discard(waiting_name(file))
        self._put_at.pop(waiting_name(file), None)

    def reset_after_fork(self) -> None:
        """In a child, forget the files that the parent delivers."""
        self._ours.clear()
        self._orphans.clear()
        self._put_at.clear()
        self.gone.clear()

    def sweep(self) -> list[Name]:
        """Drop files that are too old, and the oldest above the bound, unless they are held.

        Return the names of those that were young enough, oldest first.
        """
        entries = self._entries()
        if entries is None:
            return []
        kept: list[tuple[Name, int]] = []
        for name, size in entries:
            if self._age(name) > self._max_age_s and not self._held(name):
                self._drop(name, DropReason.EXPIRED)
            else:
                kept.append((name, size))
        self._bytes = sum(size for _, size in kept)
        if self._bytes > self._max_bytes:
            self._make_room(kept)
        files.thin_out(self._path / QUARANTINE, _MOST_QUARANTINED)
        return [name for name, _ in kept]

    def _make_room(self, entries: Sequence[tuple[Name, int]]) -> None:
        """Drop the oldest files, a few more than necessary, since listing all takes time."""
        for name, size in entries:
            if self._bytes <= self._max_bytes * _FULL_AGAIN:
                return
            if not self._held(name):
                self._drop(name, DropReason.SPOOL_FULL)
                self._bytes -= size

    def _age(self, name: Name) -> float:
        """Return the age in s; a step of the clock does not change it for our own files."""
        put_at = self._put_at.get(name.waiting)
        return self._clock() - name.made if put_at is None else self._steady() - put_at

    def _drop(self, name: Name, why: DropReason) -> None:
        try:
            self._path.joinpath(name.text).unlink()
        except OSError:
            return
        self.leave(name.text)
        self.gone.append(Gone(name.waiting, name.count, why))

    def _entries(self) -> list[tuple[Name, int]] | None:
        """Return our files with their sizes, oldest first; recover unfinished ones."""
        try:
            listing = files.listing(self._path)
        except OSError:
            return None
        self._listed_at = self._steady()
        found = [(files.parse(self._recovered(file)), size) for file, size in listing]
        return sorted(((n, size) for n, size in found if n), key=lambda pair: pair[0].text)

    def _recovered(self, file: str) -> str:
        """Keep what was written of a file whose process died meanwhile, under its final name."""
        unfinished = files.finished_name(file)
        if unfinished is None:
            return file
        name, made = unfinished
        if 0 <= self._clock() - made <= self._lease_s:
            return file
        return self._move(file, name) or file

    def _opened(self, file: str) -> Leased | None:
        name = files.parse(file)
        count = name.count if name else 0
        try:
            data = files.read(self._path / file)
        except ValueError:
            data = b""
        except OSError as error:  # such as too many open files: the file may be sound
            self._warn(error, "its content waits")
            self.release(file)
            return None
        if of_other_version(data):
            self._other_versions.add(waiting_name(file))
            self.release(file)  # for a process of that version
            return None
        records = unpack(data)
        return Leased(file, records[:count], max(0, count - len(records)))

    def _hold(self, file: str) -> str | None:
        """Take a file, or hold it for longer; return its new name."""
        waiting = waiting_name(file)
        known = waiting in self._ours
        self._ours.add(waiting)
        leased = self._move(file, files.leased_name(waiting, self._clock() + self._lease_s))
        if leased is None and not known:
            self._ours.discard(waiting)
        return leased

    def _move(self, old: str, new: str) -> str | None:
        try:
            os.rename(self._path / old, self._path / new)
        except OSError:
            return None
        return new

    def _warn(self, error: OSError, result: str = "spans wait in memory only") -> None:
        rate_limited.warning(
            "spool",
            "pulse-otel: the spool %s cannot be used (%s): %s",
            self._path.parent,
            error.strerror or error,
            result,
        )
