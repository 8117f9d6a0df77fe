"""Records that were read and are not sent yet: in memory, or in files of a spool.

With a spool, memory holds only what is being sent, and what the disk would not take.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pulse_otel.export.accounts.ledger import Ledger, SpanGroup
from pulse_otel.export.accounts.span_ends import DropReason, End, SpanEnd
from pulse_otel.export.delivery.batch import Entry

if TYPE_CHECKING:
    from pulse_otel.export.records.record import Record
    from pulse_otel.export.spool.spool import Gone, Leased, Spool

# While the disk takes none, so much waits here; the queue holds the rest.
_MOST_IN_MEMORY, _MOST_BYTES = 2000, 64 << 20
SEARCH_S = 30.0  # how often a spool is searched for what other processes left behind
_RENEW_S = 15.0
_UNREADABLE_S = 1.0  # until files are tried again after one that could not be read


class Backlog:
    """`ready` is what can be sent next. One thread stores records, another one sends them."""

    def __init__(self, ledger: Ledger, spool: Spool | None) -> None:
        self.ready: deque[Entry] = deque()
        self._ledger = ledger
        self._spool = spool
        self._files: deque[SpanGroup] = deque()  # of this process, waiting on disk
        self._unsaved: deque[SpanGroup] = deque()  # in memory, as the disk did not take them
        self._search_at = self._lease_at = 0.0
        self._renewed_at = 0.0

    @property
    def on_disk(self) -> bool:
        """Whether there is a spool."""
        return self._spool is not None

    def store(self, records: list[Record]) -> None:
        """Store `records` on disk if there is a spool and it takes them, else in memory."""
        if self._spool is None:
            self._pack(records, None)
            return
        from pulse_otel.export.spool.batch import packed  # imported with the spool

        for part, data in packed(records):
            file = self._spool.put_packed(len(part), data)
            group = self._pack(part, file)
            if file is None:
                group.size = len(data)
                self._unsaved.append(group)
        self._count_gone()

    def _pack(self, records: list[Record], file: str | None) -> SpanGroup:
        group = SpanGroup(len(records), len(records), file)
        self._ledger.packed(group)
        if file is None:
            self.ready.extend(Entry(record, group) for record in records)
        else:
            self._files.append(group)
        return group

    def full(self) -> bool:
        """Return whether the memory that replaces a failed disk is full."""
        while self._unsaved and self._unsaved[0].left <= 0:
            self._unsaved.popleft()
        size = sum(group.size * group.left // group.count for group in list(self._unsaved))
        return len(self.ready) >= _MOST_IN_MEMORY or size >= _MOST_BYTES

    def wait_s(self) -> float | None:
        """Return the seconds until there may be something to send; None if that is unknown."""
        if self.ready:
            return 0.0
        if self._files:
            return max(0.0, self._lease_at - time.monotonic())
        return None if self._spool is None else max(0.0, self._search_at - time.monotonic())

    def lease(self) -> None:
        """Read one more file into `ready`: ours first, else one left by another process."""
        if self._spool is None:
            return
        while self._files and time.monotonic() >= self._lease_at:
            group = self._files.popleft()
            if group.left <= 0 or group.file is None:
                continue
            leased = self._spool.lease(group.file)
            if leased is not None:
                self._load(group, leased)
                return
            waiting = self._spool.waits(group.file)
            if waiting is not None:  # try the next one; this one may be readable later
                group.file = waiting
                self._files.append(group)
                self._lease_at = time.monotonic() + _UNREADABLE_S
                return
            self._leave(group)
            self._ledger.settle(group, End.TAKEN_OVER, group.left)
        if time.monotonic() >= self._search_at:
            self._adopt(self._spool)

    def _adopt(self, spool: Spool) -> None:
        leased = spool.adopt()
        self._count_gone()
        if leased is None:
            self._search_at = time.monotonic() + SEARCH_S
            return
        count = len(leased.records) + leased.damaged
        group = SpanGroup(count, count, leased.file, own=False)
        self._ledger.packed(group)
        self._load(group, leased)

    def _load(self, group: SpanGroup, leased: Leased) -> None:
        group.file = leased.file
        group.damaged = leased.damaged > 0
        self.ready.extend(Entry(record, group) for record in leased.records)
        if leased.damaged:
            self.settle(group, DropReason.DAMAGED, leased.damaged)

    def renew(self, entries: Sequence[Entry]) -> None:
        """Renew the leases on the files of `entries`."""
        if self._spool is None or time.monotonic() - self._renewed_at < _RENEW_S:
            return
        self._renewed_at = time.monotonic()
        for group in {entry.group: None for entry in [*entries, *list(self.ready)]}:
            if group.file is not None:
                group.file = self._spool.renew(group.file)

    def end_unconfirmed(self, entries: Sequence[Entry]) -> None:
        """Count those of `entries` that end with the process, as they are not on disk."""
        for entry in entries:
            if entry.group.file is None:
                self.settle(entry.group, DropReason.UNCONFIRMED)

    def settle(self, group: SpanGroup, end: SpanEnd, count: int = 1) -> None:
        """Count the end of `count` spans of `group`; with the last of them its file is deleted.

        The file goes first: once all is counted, a flush returns, and the process may end at once.
        """
        last = self._ledger.ends_with(group, count)
        if last:
            self._delete(group)
        if self._ledger.settle(group, end, count) and not last:
            self._delete(group)

    def _delete(self, group: SpanGroup) -> None:
        if group.file and self._spool:
            self._spool.ack(group.file, damaged=group.damaged)

    def give_back(self, entries: Sequence[Entry]) -> None:
        """Release `entries` that are on disk, so that any process may send them."""
        groups: dict[SpanGroup, list[Record]] = {}
        for entry in entries:
            if self._spool is None or entry.group.file is None:
                self.ready.append(entry)
            else:
                groups.setdefault(entry.group, []).append(entry.record)
        for group, records in reversed(groups.items()):
            if self._spool is not None and group.file is not None:
                group.file = _put_back(self._spool, group, group.file, records)
            if group.own:
                self._files.appendleft(group)
            else:
                self._ledger.forget(group)
                self._leave(group)

    def leave_all(self) -> None:
        """Release all our files at the end, to other processes and later pipelines of this one."""
        for group in self._ledger.open():
            self._leave(group)

    def _leave(self, group: SpanGroup) -> None:
        if self._spool is not None and group.file is not None:
            self._spool.leave(group.file)

    def _count_gone(self) -> None:
        """Count what the spool dropped."""
        if self._spool is None or not self._spool.gone:
            return
        by_file = {p.file: p for p in self._ledger.open() if p.file}
        waiting = {file.partition(".spans")[0] + ".spans": p for file, p in by_file.items()}
        while (gone := _popped(self._spool.gone)) is not None:
            group = waiting.get(gone.file)
            if group is None:
                group = SpanGroup(gone.count, gone.count, gone.file, own=False)
                self._ledger.packed(group)
            self._ledger.settle(group, gone.why, group.left)


def _popped(gone: list[Gone]) -> Gone | None:
    try:
        return gone.pop()
    except IndexError:  # the other thread was quicker
        return None


def _put_back(spool: Spool, group: SpanGroup, file: str, records: list[Record]) -> str:
    """Release `file`, or replace it by one of `records` if others in it are settled."""
    if len(records) < group.count and (rest := spool.put(records)):
        spool.ack(file, damaged=group.damaged)
        group.count, group.damaged = len(records), False
        return rest
    return spool.release(file) or file
