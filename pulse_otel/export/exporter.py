"""PulseSpanExporter: glue between an OpenTelemetry span processor and the delivery worker."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from pulse_otel.config import KEY_PREFIX, Config, ConfigError, load_config
from pulse_otel.export import dialects
from pulse_otel.export.claims import claim, destination
from pulse_otel.export.delivery import Delivery, Steps
from pulse_otel.export.protocol import Negotiator
from pulse_otel.export.stats import Stats
from pulse_otel.export.transport import ATTEMPT_S, Transport
from pulse_otel.log import complaints

_EXIT_S = 5.0
_SPAN_BYTES = 500  # what a span costs beside its text


class PulseSpanExporter(SpanExporter):
    """Ships GenAI spans to a Pulse trace service; other spans are counted and left out.

    The arguments are settings of `PulseConfig`; what is not given is read from ``PULSE_<KEY>``.
    Without a key, or with a wrong value, it warns once and exports nothing; an unknown argument
    is warned about and left out. It never raises. What another exporter of this process has
    taken for the same project is not sent again.
    `export` only hands over to a worker thread: no network in the thread that calls it.
    """

    def __init__(
        self,
        api_key: str | None = None,
        api_url: str | None = None,
        *,
        protocol: str | None = None,
        enabled: bool | None = None,
        ca_file: str | None = None,
        config: Config | None = None,
        **unknown: Any,
    ) -> None:
        self._delivery: Delivery[ReadableSpan] | None = None
        self._owner = object()
        _complain_about(unknown)
        config = config or _load(
            {
                "api_key": api_key,
                "api_url": api_url,
                "protocol": protocol,
                "enabled": enabled,
                "ca_file": ca_file,
            }
        )
        if config is None or config.api_key is None or not config.enabled:
            return
        self._project = destination(config.api_url, config.api_key.reveal())
        self._transport = Transport(config.api_url, config.api_key, ca_file=config.ca_file)
        negotiator = Negotiator(self._transport, config.protocol)
        self._delivery = Delivery(
            Steps(
                size=_size,
                read=dialects.read,
                form=negotiator.form,
                post=negotiator.post,
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
            self._delivery.submit([span for span in spans if self.takes(span)])
        return SpanExportResult.SUCCESS

    def takes(self, span: ReadableSpan) -> bool:
        """Claim `span`: True if no other exporter of this process sends it to the same project."""
        return self._delivery is not None and claim(span, self._project, self._owner)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until everything handed over is settled; True if none of it was lost."""
        return self._delivery is None or self._delivery.flush(timeout_millis / 1000)

    # The SDK passes the time it has left to a parameter of this name.
    def shutdown(self, timeout_millis: float = _EXIT_S * 1000) -> None:
        """Flush for at most 5 s, then stop. Idempotent."""
        if self._delivery is not None:
            self._delivery.shutdown(min(timeout_millis / 1000, _EXIT_S))
            self._transport.close()


def _complain_about(unknown: Mapping[str, Any]) -> None:
    if unknown:
        # Names only: a value given under a wrong name could be the key.
        complaints.warn(
            "arguments",
            "pulse-otel: arguments of the exporter are left out: %s; it takes api_key, api_url,"
            " protocol, enabled and ca_file",
            ", ".join(sorted(name for name in unknown if not name.startswith(KEY_PREFIX))),
        )


def _load(given: Mapping[str, Any]) -> Config | None:
    try:
        config = load_config(given)
    except ConfigError as error:
        complaints.warn("config", "pulse-otel: nothing is exported: %s", error)
        return None
    if config.api_key is None and config.enabled:
        complaints.warn(
            "config", "pulse-otel: nothing is exported: set PULSE_API_KEY, or pass api_key"
        )
    return config


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
