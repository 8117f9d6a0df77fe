"""The threads of a delivery: one for each task; one that died is replaced."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

_START_AGAIN_S = 1.0  # a thread that could not be started is tried again


class WorkerThreads:
    """Daemon threads; `start` is called by one thread at a time."""

    def __init__(self, tasks: Sequence[Callable[[], None]]) -> None:
        self._tasks = {f"pulse-otel-{task.__name__.strip('_')}": task for task in tasks}
        self._threads: dict[str, threading.Thread] = {}
        self._not_before = 0.0

    def alive(self) -> bool:
        """Return whether all of them run."""
        threads = list(self._threads.values())
        return len(threads) == len(self._tasks) and all(t.is_alive() for t in threads)

    def start(self) -> None:
        """Start those that do not run, as far as the system allows."""
        now = time.monotonic()
        if now < self._not_before:
            return
        for name, task in self._tasks.items():
            running = self._threads.get(name)
            if running is not None and running.is_alive():
                continue
            thread = threading.Thread(target=task, name=name, daemon=True)
            try:
                thread.start()
            except RuntimeError:  # too many threads, or the interpreter is shutting down
                self._not_before = now + _START_AGAIN_S
                return
            self._threads[name] = thread
