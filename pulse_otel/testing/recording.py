"""Record what a test makes: by a TracerProvider of its own, which leads nowhere."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from pulse_otel.config import Config
from pulse_otel.export.records.started_spans import STARTED
from pulse_otel.export.span_watch import is_for_pulse
from pulse_otel.guard import guarded
from pulse_otel.ids import SystemIdGenerator
from pulse_otel.instrumentation.latest_calls import forget_calls
from pulse_otel.instrumentation.recorder import recorders
from pulse_otel.pipeline import kept_for_test, recorder_of
from pulse_otel.testing.entries import Entry, entry_of
from pulse_otel.testing.patching import patched_sdks
from pulse_otel.testing.reading import records_of
from pulse_otel.testing.traces import PulseTraces

_OFF = "OTEL_SDK_DISABLED"


class _Spans(SpanProcessor):
    """Keeps the spans of a test, of any thread."""

    def __init__(self) -> None:
        self.config = Config()
        self._started: list[None] = []  # each `append` is one operation
        self._ended: list[ReadableSpan] = []
        self._others: list[None] = []
        self._entries: tuple[tuple[int, Config], Sequence[Entry]] = ((0, self.config), [])

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note `span`."""
        guarded(STARTED.started, span)
        self._started.append(None)

    def on_end(self, span: ReadableSpan) -> None:
        """Keep `span` if Pulse would show it."""
        if is_for_pulse(span):
            self._ended.append(span)
        else:
            self._others.append(None)

    def read(self) -> tuple[Sequence[Entry], int]:
        """Return the entries that have ended, and how many have not."""
        ended = list(self._ended)
        known = len(ended), self.config
        if self._entries[0] != known:
            records = records_of(ended, self.config)
            found = (entry_of(record) for record in records)
            self._entries = (known, [entry for entry in found if entry is not None])
        return self._entries[1], len(self._started) - len(ended) - len(self._others)


@contextmanager
def recording() -> Generator[PulseTraces]:
    """Record every client's calls in this block, and send nothing.

    The settings of the program's `init_pulse` apply, before the block or in it, except those that
    say whether, where and which traces go. Afterwards everything is as it was before.
    """
    spans = _Spans()
    provider = _provider(spans)

    def start(config: Config) -> None:
        spans.config = config
        recorders.observed = recorder_of(config, lambda: provider, every_client=True, alone=True)

    forget_calls()
    recorders.asked = True  # a program whose calls were made in tests has missed none
    with kept_for_test(start), patched_sdks():
        yield PulseTraces(spans.read)


def _provider(spans: _Spans) -> TracerProvider:
    """Return a provider that records all, whatever the environment says of the program's own."""
    off = os.environ.pop(_OFF, None)
    try:
        provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource.get_empty(),
            id_generator=SystemIdGenerator(),
            shutdown_on_exit=False,
        )
    finally:
        if off is not None:
            os.environ[_OFF] = off
    provider.add_span_processor(spans)
    return provider
