"""The ends of a process, where what waits must be sent.

| end | calls us |
|---|---|
| return, `sys.exit`, an exception, SIGINT | `atexit`, for the pipeline of `init_pulse` |
| a child process ends | see `children` |
| SIGTERM | if it was asked for: `flush_at_sigterm` |
| `os._exit`, SIGKILL | not at all |
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from pulse_otel.log import rate_limited
from pulse_otel.process.exit_time import EXIT_S
from pulse_otel.process.exporters import running
from pulse_otel.process.flush import flush_all, in_delivery_thread

_hooked: list[int] = []  # the signals
_set_handler = signal.signal


def flush_at_sigterm() -> None:
    """On SIGTERM: flush every exporter, then do what would have happened without us.

    The exit code stays the same. Only the main thread may set a handler: elsewhere this warns,
    and sets none.
    """
    if _hooked:
        return
    if threading.current_thread() is not threading.main_thread():
        rate_limited.warning(
            "sigterm", "pulse-otel: no flush on SIGTERM: call init_pulse in the main thread"
        )
        return
    _set_handler(signal.SIGTERM, _flushing(signal.getsignal(signal.SIGTERM)))
    _hooked.append(signal.SIGTERM)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_keep_in_child)


def _flushing(before: Any) -> Callable[[int, FrameType | None], None]:
    """Return a handler that flushes, then does what `before` would have done."""

    def on_sigterm(number: int, frame: FrameType | None) -> None:
        if before is signal.SIG_IGN:
            return
        _where_one_may_wait(lambda: end(number, frame))

    def end(number: int, frame: FrameType | None) -> None:
        try:
            _flush()
        finally:
            if callable(before):
                before(number, frame)
            elif os.getpid() == 1:  # for which the system leaves out the usual end
                os._exit(128 + number)
            else:
                _set_handler(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)

    return on_sigterm


def _keep_in_child() -> None:
    global _set_handler
    if signal.signal is not _signal:
        _set_handler = signal.signal  # gevent has one of its own
        signal.signal = _signal  # the parent's stays as it is


def _signal(signalnum: int, handler: Any) -> Any:
    """Set a handler; where that is the usual end at SIGTERM, flush before it.

    Servers undo all handlers in their children, as gunicorn's uvicorn workers do.
    """
    usual = signalnum == signal.SIGTERM and isinstance(handler, int) and handler == signal.SIG_DFL
    return _set_handler(signalnum, _flushing(handler) if usual else handler)


def _flush() -> None:
    # All are expedited before the first is waited for, and for what ends until the process does:
    # a handler of the program's may let its calls finish.
    for exporter in running():
        exporter.expedite()
    flush_all(EXIT_S)


def _where_one_may_wait(function: Callable[[], None]) -> None:
    """Call `function`, which waits for the delivery.

    With gevent, any greenlet may run a signal handler: its hub, which must not wait, or one that
    delivers, which would wait for itself. Then `function` has a greenlet of its own.
    """
    gevent: Any = sys.modules.get("gevent")
    if gevent is not None and (
        isinstance(gevent.getcurrent(), gevent.hub.Hub) or in_delivery_thread()
    ):
        gevent.spawn(function)
    else:
        function()
