"""The ends of a process, and its children: where what waits must be sent, or forgotten.

| end | who calls us |
|---|---|
| return, sys.exit, an exception, SIGINT | atexit |
| a child of multiprocessing, or of billiard, ends in `os._exit` | its finalizers |
| a Celery worker's child ends in `os._exit` without those | Celery's own signal |
| SIGTERM | nobody, unless asked for: `flush_at_sigterm` |
| `os._exit`, SIGKILL | nobody |
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from pulse_otel.log import rate_limited
from pulse_otel.process.exit_time import begin_end

_hooked: set[str] = set()


def hook(shutdown: Callable[[], Any], after_fork: Callable[[], None]) -> None:
    """Once: call `shutdown` at every end that can be seen, and `after_fork` in forked children."""
    atexit.register(shutdown)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lambda: _hook_pools(shutdown),  # by now they are imported, if ever
            after_in_child=after_fork,
        )
    from multiprocessing import util

    _hook_finalizers(util, shutdown)
    _hook_pools(shutdown)


def _hook_finalizers(util: Any, shutdown: Callable[[], Any]) -> None:
    """A child clears what it inherited of them, so that they are registered anew in each.

    The first one is for a child that calls `init_pulse` by itself.
    """
    from multiprocessing import process

    def end() -> None:
        if process.parent_process() is not None:
            begin_end()
        shutdown()

    util.Finalize(None, end, exitpriority=10)

    def in_child(_: object) -> None:
        util.Finalize(None, end, exitpriority=10)

    util.register_after_fork(_hooked, in_child)


def _hook_pools(shutdown: Callable[[], Any]) -> None:
    """Process pools that have ends of their own, where they are in use."""
    billiard = sys.modules.get("billiard.util")
    if billiard is not None and "billiard" not in _hooked:
        _hooked.add("billiard")
        _hook_finalizers(billiard, shutdown)
    celery = sys.modules.get("celery.signals")
    if celery is not None and "celery" not in _hooked:
        _hooked.add("celery")
        ended: Any = getattr(celery, "worker_process_shutdown", None)
        if ended is not None:

            def on_end(**_: object) -> None:
                shutdown()

            ended.connect(on_end, weak=False)


def flush_at_sigterm(flush: Callable[[], Any]) -> None:
    """On SIGTERM: `flush`, then what would have happened without us; the same exit code.

    Only the main thread may set a handler: elsewhere this warns, and sets none.
    """
    if "SIGTERM" in _hooked:
        return
    if threading.current_thread() is not threading.main_thread():
        rate_limited.warning(
            "sigterm", "pulse-otel: no flush on SIGTERM: call init_pulse in the main thread"
        )
        return
    before = signal.getsignal(signal.SIGTERM)

    def on_sigterm(number: int, frame: FrameType | None) -> None:
        if before is signal.SIG_IGN:
            return
        _where_one_may_wait(lambda: end(number, frame))

    def end(number: int, frame: FrameType | None) -> None:
        try:
            flush()
        finally:
            if callable(before):
                before(number, frame)
            elif os.getpid() == 1:  # for which the system leaves out the usual end
                os._exit(128 + number)
            else:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, on_sigterm)
    _hooked.add("SIGTERM")


def _where_one_may_wait(function: Callable[[], None]) -> None:
    """Call `function`: by a greenlet of its own if gevent's hub runs this, which must not wait."""
    gevent: Any = sys.modules.get("gevent")
    if gevent is not None and isinstance(gevent.getcurrent(), gevent.hub.Hub):
        gevent.spawn(function)
    else:
        function()
