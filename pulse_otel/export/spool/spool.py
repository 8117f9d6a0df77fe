"""A directory of undelivered batches, shared by any number of processes.

A file holds one batch, one record per line. Its name tells its state (see spool_files), and each
change of state is one rename, so that one process at a time has it, whatever crashes when. A
lease that ran out may be taken over: what is sent twice is stored once, as spans have ids.

Nothing here raises for what the disk does: a batch that cannot be put stays with the caller.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from pulse_otel.export.accounts.ends import DropReason
from pulse_otel.export.records.record import Record
from pulse_otel.export.spool import files as files
from pulse_otel.export.spool.batch import Gone, Leased, pack, unpack
from pulse_otel.export.spool.files import Name
from pulse_otel.log import rate_limited

MAX_BYTES = 100 << 20
MAX_AGE_S = 48 * 3600.0
LEASE_S = 60.0
ADOPT_S = 60.0
"""The files of a process that lives are left to it for so long."""

QUARANTINE = "quarantine"
_MOST_QUARANTINED = 10

_REFUSED_FOR_S = 5.0  # until a directory that could not be used is tried again
_LISTED_FOR_S = 30.0  # how long a listing of the directory is good for
_FULL_AGAIN = 0.95  # of the bound is left where it was passed
_ours: set[str] = set()  # the waiting names of files that this process will see to


def directory_name(api_url: str, secret: str) -> str:
    """The name of the directory for a project of a service; it does not tell the key."""
    slow = hashlib.pbkdf2_hmac("sha256", secret.encode(), api_url.encode(), 50_000)
    return slow.hex()[:16]


class Spool:
    """One project's directory below `root`. Each method may be called by any thread.

    `clock` is the wall clock: leases, and ages in general, concern several processes. `steady`
    is never set: it tells the age of what this process wrote, and when to look again.
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
        self._put_at: dict[str, float] = {}  # of what this process wrote: when, by `steady`
        self.gone: list[Gone] = []  # to be counted by the caller, who empties it

    def _open(self) -> bool:
        """Make the directory, or check the one that is there; tried again after a while."""
        if self._usable or time.monotonic() - self._refused_at < _REFUSED_FOR_S:
            return self._usable
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            files.check_parent(self._path.parent)
            files.make_private(self._path)
            files.make_private(self._path / QUARANTINE)
        except OSError as error:
            self._refused_at = time.monotonic()
            self._complain(error)
            return False
        self._usable = True
        return True

    def put(self, records: Sequence[Record]) -> str | None:
        """The name of a new file with `records`; None if the disk refuses it."""
        return self.put_packed(len(records), pack(records))

    def put_packed(self, count: int, data: bytes) -> str | None:
        """`put` of so many records that are `packed` already."""
        name = files.new_name(self._clock(), count)
        self._ours.add(name)  # before it is there: it is not to be adopted by ourselves
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
            self._complain(error)
            return False
        return True

    def lease(self, file: str) -> Leased | None:
        """Take the file that waits under this name; None if another process has it.

        None as well if it cannot be read for now: then it `waits` as before.
        """
        name = files.parse(file)
        taken = self._hold(name) if name else None
        return self._opened(taken, name.count) if name and taken else None

    def adopt(self) -> Leased | None:
        """Take the oldest file that was left behind by another process, or by an earlier one."""
        if not self._orphans and self._open():
            self._orphans.extend(self.sweep())
        while self._orphans:
            name = self._orphans.popleft()
            if not self._orphaned(name):
                continue
            taken = self._hold(name)
            if taken:
                leased = self._opened(taken, name.count)
                if leased is None:
                    self.leave(taken)
                return leased
        return None

    def _orphaned(self, name: Name) -> bool:
        now = self._clock()
        if name.waiting in self._ours:
            return False
        if name.until is not None:
            return not self._held(name)
        return now - name.made > ADOPT_S or now < name.made or not files.alive(name.pid)

    def _held(self, name: Name) -> bool:
        """Whether somebody has it; a lease from after a step of the clock has run out as well."""
        runs = name.until is not None and 0 <= name.until - self._clock() <= 2 * self._lease_s
        return runs and (name.waiting in self._ours or files.alive(name.pid))

    def renew(self, file: str) -> str:
        """Hold a leased file for longer; its name from now on."""
        name = files.parse(file)
        return (self._hold(name) if name else None) or file

    def release(self, file: str) -> str | None:
        """Put a leased file back; the name under which it waits, None if it is gone."""
        name = files.parse(file)
        return self._move(file, name.waiting) if name else None

    def waits(self, file: str) -> str | None:
        """The name under which a file waits for whoever takes it; None if it is taken, or gone."""
        name = files.parse(file)
        try:
            os.lstat(self._path / (name.waiting if name else file))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:  # nobody knows; it is found out when it is leased
            pass
        return name.waiting if name else None

    def ack(self, file: str, *, damaged: bool = False) -> None:
        """All of a file has come to an end: it goes, or into quarantine if it was damaged."""
        self.leave(file)
        if damaged and self._move(file, os.path.join(QUARANTINE, file)):
            return
        with contextlib.suppress(OSError):  # somebody took it over, or the directory is gone
            self._path.joinpath(file).unlink()

    def leave(self, file: str) -> None:
        """Another spool, of this process or of another one, may see to the file."""
        name = files.parse(file)
        self._ours.discard(name.waiting if name else file)
        self._put_at.pop(name.waiting if name else file, None)

    def reset_after_fork(self) -> None:
        """In a forked child: what the parent sees to is not ours."""
        self._ours.clear()
        self._orphans.clear()
        self._put_at.clear()
        self.gone.clear()

    def sweep(self) -> list[Name]:
        """Let go of what is too old, and of the oldest above the bound; not of what is held.

        The names of those that were young enough, oldest first.
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
        """Let go of the oldest; of some more than must be, as a look at all of them takes time."""
        for name, size in entries:
            if self._bytes <= self._max_bytes * _FULL_AGAIN:
                return
            if not self._held(name):
                self._drop(name, DropReason.SPOOL_FULL)
                self._bytes -= size

    def _age(self, name: Name) -> float:
        """In s; a step of the clock leaves that of what this process wrote as it is."""
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
        """The files of ours, oldest first, with their sizes. Unfinished ones are recovered."""
        try:
            listing = files.listing(self._path)
        except OSError:
            return None
        self._listed_at = self._steady()
        found = [(files.parse(self._recovered(file)), size) for file, size in listing]
        return sorted(((n, size) for n, size in found if n), key=lambda pair: pair[0].text)

    def _recovered(self, file: str) -> str:
        """What was being written when its process died counts as far as it got."""
        unfinished = files.finished_name(file)
        if unfinished is None:
            return file
        name, made = unfinished
        if 0 <= self._clock() - made <= self._lease_s:
            return file
        return self._move(file, name) or file

    def _opened(self, file: str, count: int) -> Leased | None:
        try:
            records = unpack(files.read(self._path / file))
        except ValueError:
            records = []
        except OSError as error:  # such as no descriptors: it says nothing of the file
            self._complain(error, "what is in it waits")
            self.release(file)
            return None
        return Leased(file, records[:count], max(0, count - len(records)))

    def _hold(self, name: Name) -> str | None:
        """Take a file, or hold it for longer: its name from now on."""
        known = name.waiting in self._ours
        self._ours.add(name.waiting)
        leased = self._move(name.text, name.leased(self._clock() + self._lease_s))
        if leased is None and not known:
            self._ours.discard(name.waiting)
        return leased

    def _move(self, old: str, new: str) -> str | None:
        try:
            os.rename(self._path / old, self._path / new)
        except OSError:
            return None
        return new

    def _complain(self, error: OSError, result: str = "spans wait in memory only") -> None:
        rate_limited.warning(
            "spool",
            "pulse-otel: the spool %s cannot be used (%s): %s",
            self._path.parent,
            error.strerror or error,
            result,
        )
