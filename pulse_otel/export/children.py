"""The end of a child of `multiprocessing`: it ends in `os._exit`, and no exit hook runs there.

Finalizers are all that does. What `init_pulse` builds is flushed by `pulse_otel.ends`; this is
for an exporter in a pipeline of the user's, or of zero code.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opentelemetry import trace

_LONGEST_MS = 5000


def flush_at_their_end(exporter: Any) -> None:
    """In each forked child: what waits before `exporter`, then what it holds itself, is sent."""
    from multiprocessing import util

    util.register_after_fork(
        exporter, lambda it: util.Finalize(None, _flush, args=(it,), exitpriority=10)
    )


def _flush(exporter: Any) -> None:
    for processor in _processors_of(trace.get_tracer_provider()):
        # Not the whole provider: another exporter of the user's may take its time.
        if getattr(processor, "span_exporter", None) is exporter:
            processor.force_flush(_LONGEST_MS)
    exporter.force_flush(_LONGEST_MS)


def _processors_of(provider: Any) -> Iterable[Any]:
    """The SDK has no public name for them; where it changes these, a child flushes no more."""
    return getattr(getattr(provider, "_active_span_processor", None), "_span_processors", ())
