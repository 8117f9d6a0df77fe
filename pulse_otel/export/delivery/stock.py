"""What was taken in and is not sent yet: in memory, or in files of a spool.

With a spool, memory holds only what is being sent, and what the disk would not take.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from pulse_otel.export.accounts.ledger import End, Ledger, Parcel
from pulse_otel.export.delivery.batches import Entry
from pulse_otel.export.records.record import Record
from pulse_otel.export.spool.spool import Spool
from pulse_otel.export.spool.spool_batch import Gone, Leased, packed

# Beside a spool that takes none: so many entries, so many bytes; the queue holds the rest.
_MOST_IN_MEMORY, _MOST_BYTES = 2000, 64 << 20
SEARCH_S = 30.0  # how often a spool is searched for what other processes left behind
_RENEW_S = 15.0
_UNREADABLE_S = 1.0  # until files are tried again after one that could not be read


class Stock:
    """`ready` is what can be sent next. Kept by the thread that takes in, used by the sender."""

    def __init__(self, ledger: Ledger, spool: Spool | None) -> None:
        self.ready: deque[Entry] = deque()
        self._ledger = ledger
        self._spool = spool
        self._files: deque[Parcel] = deque()  # of this process, waiting on disk
        self._unsaved: deque[Parcel] = deque()  # which the disk did not take
        self._search_at = self._lease_at = 0.0
        self._renewed_at = 0.0

    def keep(self, records: list[Record]) -> None:
        """Pack what was taken in: on disk if there is one that takes it."""
        if self._spool is None:
            self._pack(records, None)
            return
        for part, data in packed(records):
            file = self._spool.put_packed(len(part), data)
            parcel = self._pack(part, file)
            if file is None:
                parcel.size = len(data)
                self._unsaved.append(parcel)
        self._count_gone()

    def _pack(self, records: list[Record], file: str | None) -> Parcel:
        parcel = Parcel(len(records), len(records), file)
        self._ledger.packed(parcel)
        if file is None:
            self.ready.extend(Entry(record, parcel) for record in records)
        else:
            self._files.append(parcel)
        return parcel

    def full(self) -> bool:
        """Whether memory has to do for the disk, and has done enough."""
        while self._unsaved and self._unsaved[0].left <= 0:
            self._unsaved.popleft()
        size = sum(parcel.size * parcel.left // parcel.count for parcel in list(self._unsaved))
        return len(self.ready) >= _MOST_IN_MEMORY or size >= _MOST_BYTES

    def wait_s(self) -> float | None:
        """How long until there may be something to send; None: nobody knows."""
        if self.ready:
            return 0.0
        if self._files:
            return max(0.0, self._lease_at - time.monotonic())
        return None if self._spool is None else max(0.0, self._search_at - time.monotonic())

    def lease(self) -> None:
        """Bring one more file into `ready`: the oldest of ours, else one that was left behind."""
        if self._spool is None:
            return
        while self._files and time.monotonic() >= self._lease_at:
            parcel = self._files.popleft()
            if parcel.left <= 0 or parcel.file is None:
                continue
            leased = self._spool.lease(parcel.file)
            if leased is not None:
                self._load(parcel, leased)
                return
            waiting = self._spool.waits(parcel.file)
            if waiting is not None:  # the next one may be readable; all of them are, some time
                parcel.file = waiting
                self._files.append(parcel)
                self._lease_at = time.monotonic() + _UNREADABLE_S
                return
            self._leave(parcel)
            self._ledger.settle(parcel, End.TAKEN_OVER, parcel.left)
        if time.monotonic() >= self._search_at:
            self._adopt(self._spool)

    def _adopt(self, spool: Spool) -> None:
        leased = spool.adopt()
        self._count_gone()
        if leased is None:
            self._search_at = time.monotonic() + SEARCH_S
            return
        count = len(leased.records) + leased.damaged
        parcel = Parcel(count, count, leased.file, own=False)
        self._ledger.packed(parcel)
        self._load(parcel, leased)

    def _load(self, parcel: Parcel, leased: Leased) -> None:
        parcel.file = leased.file
        parcel.damaged = leased.damaged > 0
        self.ready.extend(Entry(record, parcel) for record in leased.records)
        if leased.damaged:
            self.settle(parcel, End.DROPPED, "damaged on disk", leased.damaged)

    def renew(self, entries: Sequence[Entry]) -> None:
        """Hold the files of `entries` for another while."""
        if self._spool is None or time.monotonic() - self._renewed_at < _RENEW_S:
            return
        self._renewed_at = time.monotonic()
        for parcel in {entry.parcel: None for entry in [*entries, *list(self.ready)]}:
            if parcel.file is not None:
                parcel.file = self._spool.renew(parcel.file)

    def end(self, entry: Entry, end: End, why: str) -> None:
        """`entry` came to its end."""
        self.settle(entry.parcel, end, why)

    def settle(self, parcel: Parcel, end: End, why: str, count: int = 1) -> None:
        """`count` of `parcel` came to their end; with the last of them its file goes."""
        if self._ledger.settle(parcel, end, count, why) and parcel.file and self._spool:
            self._spool.ack(parcel.file, damaged=parcel.damaged)

    def give_back(self, entries: Sequence[Entry]) -> None:
        """Leave `entries` on disk, to whoever may send them; those in memory stay ready."""
        parcels: dict[Parcel, list[Record]] = {}
        for entry in entries:
            if self._spool is None or entry.parcel.file is None:
                self.ready.append(entry)
            else:
                parcels.setdefault(entry.parcel, []).append(entry.record)
        for parcel, records in reversed(parcels.items()):
            if self._spool is not None and parcel.file is not None:
                parcel.file = _put_back(self._spool, parcel, parcel.file, records)
            if parcel.own:
                self._files.appendleft(parcel)
            else:
                self._ledger.forget(parcel)
                self._leave(parcel)

    def leave_all(self) -> None:
        """At the end: other processes, and later pipelines of this one, may have our files."""
        for parcel in self._ledger.open():
            self._leave(parcel)

    def _leave(self, parcel: Parcel) -> None:
        if self._spool is not None and parcel.file is not None:
            self._spool.leave(parcel.file)

    def _count_gone(self) -> None:
        """Account for what the spool let go of."""
        if self._spool is None or not self._spool.gone:
            return
        by_file = {p.file: p for p in self._ledger.open() if p.file}
        waiting = {file.partition(".spans")[0] + ".spans": p for file, p in by_file.items()}
        while (gone := _popped(self._spool.gone)) is not None:
            parcel = waiting.get(gone.file)
            if parcel is None:
                parcel = Parcel(gone.count, gone.count, gone.file, own=False)
                self._ledger.packed(parcel)
            self._ledger.settle(parcel, End.DROPPED, parcel.left, gone.why)


def _popped(gone: list[Gone]) -> Gone | None:
    try:
        return gone.pop()
    except IndexError:  # the other worker may have been quicker
        return None


def _put_back(spool: Spool, parcel: Parcel, file: str, records: list[Record]) -> str:
    """Release the file; what is left of one of which some are settled becomes a new one."""
    if len(records) < parcel.count and (rest := spool.put(records)):
        spool.ack(file, damaged=parcel.damaged)
        parcel.count, parcel.damaged = len(records), False
        return rest
    return spool.release(file) or file
