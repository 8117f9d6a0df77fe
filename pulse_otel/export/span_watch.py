"""Notes the spans of the program that are not sent: others may hang on them."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from pulse_otel.export import dialects
from pulse_otel.export.records.started_spans import STARTED
from pulse_otel.guard import guarded
from pulse_otel.span_starts import add_once, takes_once

_MARK = "_pulse_span_watch"
_WAIT_S = 0.1  # far longer than a provider takes that is not being flushed


def is_for_pulse(span: ReadableSpan) -> bool:
    """Return whether `span`, which ended, is to be read; note one that is not.

    One that cannot be looked at goes on, to be read as far as can be.
    """
    if guarded(dialects.is_genai_span, span, otherwise=True):
        return True
    guarded(STARTED.not_sent, span)
    return False


def watch(provider: Any) -> None:
    """Note the spans of `provider` from now on; one of the API alone has none."""
    add_once(provider, _MARK, STARTED.started, is_for_pulse)


def watch_during_export(provider: Any) -> None:
    """Like `watch`, where the caller may be a flush of `provider`.

    Logfire's provider holds its lock while it flushes, and needs it to take a processor. So a
    thread waits for the lock, and the export goes on.
    """
    if takes_once(provider, _MARK):
        watching = threading.Thread(target=guarded, args=(watch, provider), daemon=True)
        # At the end of the interpreter no thread starts, and no span either.
        with contextlib.suppress(RuntimeError):
            watching.start()
            watching.join(_WAIT_S)
