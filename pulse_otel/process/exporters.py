"""The exporters of this process, for whatever ends, flushes or counts all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from pulse_otel.process.forks import reset_in_children


class Exporter(Protocol):
    """What this process needs of an exporter. `project` names its project of a service."""

    project: str

    @property
    def stopped(self) -> bool: ...

    def collect(self) -> Callable[[], bool]: ...

    def flush(self, timeout_s: float, handed_over: Callable[[], bool] | None = None) -> bool: ...

    def stop(self, timeout_s: float) -> bool: ...

    def expedite(self) -> None: ...

    def prepare(self) -> None: ...


class _Registry:
    def __init__(self) -> None:
        self.exporters: list[Exporter] = []
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        self._lock = threading.RLock()  # a signal handler may come while it is held

    def add(self, exporter: Exporter) -> None:
        with self._lock:
            self.exporters = [one for one in self.exporters if not one.stopped] + [exporter]


_registry = _Registry()


def register(exporter: Exporter) -> None:
    """Add `exporter` to those of this process, until it stops."""
    _registry.add(exporter)
    reset_in_children(_registry)


def running(project: str | None = None) -> list[Exporter]:
    """Return the exporters that have not stopped, of one project or of all."""
    return [
        one
        for one in list(_registry.exporters)
        if not one.stopped and project in (None, one.project)
    ]
