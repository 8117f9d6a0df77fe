"""PulseSpanExporter: glue between an OpenTelemetry span processor and the delivery worker."""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from typing import Any, cast

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from pulse_otel.config import Config, ConfigError, load_config
from pulse_otel.export.delivery import Delivery, Stats, Steps
from pulse_otel.export.dialects import genai
from pulse_otel.export.outcome import Outcome
from pulse_otel.export.payloads import otlp
from pulse_otel.export.transport import ATTEMPT_S, Transport
from pulse_otel.log import complaints

_EXIT_S = 5.0
_SPAN_BYTES = 500  # what a span costs beside its text


class PulseSpanExporter(SpanExporter):
    """Ships GenAI spans to a Pulse trace service; other spans are counted and left out.

    Without arguments it is configured by ``PULSE_API_KEY`` and ``PULSE_API_URL``. Without a
    key, or with a wrong setting, it warns once and exports nothing: it never raises.
    `export` only hands over to a worker thread: no network in the thread that calls it.
    """

    def __init__(
        self,
        api_key: str | None = None,
        api_url: str | None = None,
        *,
        config: Config | None = None,
    ) -> None:
        self._delivery: Delivery[ReadableSpan] | None = None
        config = config or _load(api_key, api_url)
        if config is None or config.api_key is None or not config.enabled:
            return
        self._transport = Transport(config.api_url + otlp.PATH, config.api_key)
        self._delivery = Delivery(
            Steps(
                encode=_encode,
                post=self._post,
                size=_size,
                max_batch=otlp.MAX_SPANS,
                attempt_s=ATTEMPT_S,
            )
        )
        _forget_in_children(self._delivery)

    @property
    def stats(self) -> Stats:
        """The counters so far."""
        return self._delivery.stats if self._delivery else Stats()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand `spans` to the worker; returns at once."""
        if self._delivery is not None:
            self._delivery.submit(spans)
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until everything handed over is settled; True if none of it was lost."""
        return self._delivery is None or self._delivery.flush(timeout_millis / 1000)

    # The SDK passes the time it has left to a parameter of this name.
    def shutdown(self, timeout_millis: float = _EXIT_S * 1000) -> None:
        """Flush for at most 5 s, then stop. Idempotent."""
        if self._delivery is not None:
            self._delivery.shutdown(min(timeout_millis / 1000, _EXIT_S))
            self._transport.close()

    def _post(self, batch: Sequence[object], deadline: float) -> Outcome:
        return self._transport.post(otlp.body(cast("Sequence[otlp.Encoded]", batch)), deadline)


def _load(api_key: str | None, api_url: str | None) -> Config | None:
    try:
        config = load_config({"api_key": api_key, "api_url": api_url})
    except ConfigError as error:
        complaints.warn("config", "pulse-otel: nothing is exported: %s", error)
        return None
    if config.api_key is None and config.enabled:
        complaints.warn(
            "config", "pulse-otel: nothing is exported: set PULSE_API_KEY, or pass api_key"
        )
    return config


def _encode(span: ReadableSpan) -> tuple[object, int] | None:
    record = genai.read(span)
    if record is None:
        return None
    encoded = otlp.encode(record)
    return encoded, len(encoded.text)


def _size(span: ReadableSpan) -> int:
    values = (span.attributes or {}).values()
    return _SPAN_BYTES + sum(len(value) for value in values if isinstance(value, str))


def _forget_in_children(delivery: Delivery[Any]) -> None:
    if not hasattr(os, "register_at_fork"):
        return
    reference = weakref.ref(delivery)

    def after_in_child() -> None:
        alive = reference()
        if alive is not None:
            alive.reset_after_fork()

    os.register_at_fork(after_in_child=after_in_child)
