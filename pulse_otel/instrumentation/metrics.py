"""Record the client metrics of the GenAI conventions, once the program has set a MeterProvider.

They are of all calls, also of those that a sampler leaves out. Nothing here imports OpenTelemetry's
SDK; without a MeterProvider a call pays for one look.
"""

from __future__ import annotations

import time
from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from inspect import currentframe
from itertools import pairwise
from types import FrameType
from typing import Any

from opentelemetry.context import Context
from opentelemetry.metrics import Histogram, NoOpMeterProvider
from opentelemetry.metrics import _internal as _api

from pulse_otel import semconv
from pulse_otel.guard import guarded, tried
from pulse_otel.instrumentation.coexistence import counted_by_others
from pulse_otel.instrumentation.endpoint import Attributes
from pulse_otel.instrumentation.recorder import Recorder
from pulse_otel.texts import scrub

# The API's own function for it takes a dozen calls while there is none.
_GLOBAL = "_METER_PROVIDER"

_SECONDS = ("s", tuple(0.01 * 2**n for n in range(14)))  # unit, bucket boundaries
_TOKENS = ("{token}", tuple(4**n for n in range(14)))
# name -> unit and boundaries, description
_METRICS = {
    semconv.METRIC_OPERATION_DURATION: (_SECONDS, "Duration of a call, retries included."),
    semconv.METRIC_TOKEN_USAGE: (_TOKENS, "Tokens that a call was billed for."),
    semconv.METRIC_TIME_TO_FIRST_CHUNK: (_SECONDS, "Time to the first chunk of a stream."),
    semconv.METRIC_TIME_PER_OUTPUT_CHUNK: (_SECONDS, "Time from one chunk to the next."),
}
_OF_RESPONSE = (semconv.RESPONSE_MODEL, semconv.OPENAI_RESPONSE_SERVICE_TIER)
_TOKEN_TYPES = {semconv.INPUT_TOKENS: "input", semconv.OUTPUT_TOKENS: "output"}
_Measurement = tuple[str, float, Attributes]  # the name of the metric, what was measured


@dataclass(slots=True)
class Measured:
    """Hold what the metrics say of one call until it ends."""

    provider: Any
    scope: str
    attributes: Attributes
    chunk_times: array[float] = field(default_factory=lambda: array("d"))

    def end(
        self, found: Attributes, started: float, ended_ns: int | None, context: Context
    ) -> None:
        """Record the call, of which `found` are the attributes of the answer and its error.

        `started` is of `time.perf_counter`; it ended now, or at `ended_ns`. The measurements may
        keep the span of `context` as their example.
        """
        ended = time.perf_counter()
        if ended_ns is not None:
            ended -= (time.time_ns() - ended_ns) / 1e9
        _late.append((self, list(self._measurements(found, ended - started)), context))
        if not _inside_metrics_sdk():
            # Another thread may take the last one meanwhile.
            while waiting := tried(_late.popleft, kinds=IndexError, otherwise=None):
                guarded(_record, *waiting)

    def _measurements(self, found: Attributes, duration: float) -> Iterator[_Measurement]:
        common = self.attributes | {key: scrub(found[key]) for key in _OF_RESPONSE if key in found}
        failed = {key: found[key] for key in (semconv.ERROR_TYPE,) if key in found}
        yield semconv.METRIC_OPERATION_DURATION, max(duration, 0.0), common | failed
        for key, kind in _TOKEN_TYPES.items():
            if key in found:  # unknown tokens must not be reported
                yield semconv.METRIC_TOKEN_USAGE, found[key], common | {semconv.TOKEN_TYPE: kind}
        if semconv.TIME_TO_FIRST_CHUNK in found:
            seconds = found[semconv.TIME_TO_FIRST_CHUNK]
            yield semconv.METRIC_TIME_TO_FIRST_CHUNK, seconds, common
        for before, after in pairwise(self.chunk_times):
            yield semconv.METRIC_TIME_PER_OUTPUT_CHUNK, after - before, common


def measured(
    recorder: Recorder, scope: str, attributes: Attributes, current: Context
) -> Measured | None:
    """Begin to measure a call; None without a MeterProvider.

    `attributes` are those with which its span starts, `current` is the caller's context.
    """
    provider = recorder.meter_provider or getattr(_api, _GLOBAL, None)
    if provider is None or isinstance(provider, NoOpMeterProvider):
        return None
    if counted_by_others(current):
        return None
    return Measured(provider, scope, attributes)


# Calls that ended, and are not recorded yet. The locks of the metrics SDK are not re-entrant: a
# signal handler, or the collector of garbage, may end a call in a thread that holds one. Such a
# call is recorded at the end of the next one.
_late: deque[tuple[Measured, list[_Measurement], Context]] = deque(maxlen=1000)


def _inside_metrics_sdk() -> bool:
    frame: FrameType | None = currentframe()
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith("opentelemetry.sdk.metrics"):
            return True
        frame = frame.f_back
    return False


def _record(call: Measured, measurements: list[_Measurement], context: Context) -> None:
    instruments = _instruments(_Identity(call.provider), call.scope)
    for name, value, attributes in measurements:
        instruments[name].record(value, attributes, context)


class _Identity:
    """Be a key for one provider; not every provider can be hashed."""

    __slots__ = ("provider",)

    def __init__(self, provider: Any) -> None:
        self.provider = provider

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.provider is self.provider

    def __hash__(self) -> int:
        return id(self.provider)


@lru_cache(maxsize=8)
def _instruments(key: _Identity, scope: str) -> dict[str, Histogram]:
    meter = key.provider.get_meter(scope)
    return {
        name: meter.create_histogram(
            name, unit, description, explicit_bucket_boundaries_advisory=boundaries
        )
        for name, ((unit, boundaries), description) in _METRICS.items()
    }
