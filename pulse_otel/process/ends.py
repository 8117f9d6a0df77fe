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
from pulse_otel.process.flush import flush_all

_hooked: list[int] = []  # the signals


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
    before = signal.getsignal(signal.SIGTERM)

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
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, on_sigterm)
    _hooked.append(signal.SIGTERM)


def _flush() -> None:
    # All are expedited before the first is waited for, and for what ends until the process does:
    # a handler of the program's may let its calls finish.
    for exporter in running():
        exporter.expedite()
    flush_all(EXIT_S)


def _where_one_may_wait(function: Callable[[], None]) -> None:
    """Call `function`: by a greenlet of its own if gevent's hub runs this, which must not wait."""
    gevent: Any = sys.modules.get("gevent")
    if gevent is not None and isinstance(gevent.getcurrent(), gevent.hub.Hub):
        gevent.spawn(function)
    else:
        function()
