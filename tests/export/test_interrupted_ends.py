"""A signal handler raises while a span ends: the program gets the exception, Pulse the span."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from itertools import count, takewhile
from pathlib import Path
from types import FrameType

import opentelemetry
import pytest
from opentelemetry.sdk.trace import TracerProvider

import pulse_otel
from tests.conftest import KEY
from tests.export.sending import stored
from tests.faults import FaultServer

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
OURS = str(Path(pulse_otel.__file__).parent)
SDK = f"{next(iter(opentelemetry.__path__))}/sdk/"


class TimeLimit(Exception):
    """Stand for Celery's SoftTimeLimitExceeded and its like."""


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    before = signal.getsignal(signal.SIGUSR1)
    yield TracerProvider(shutdown_on_exit=False)
    signal.signal(signal.SIGUSR1, before)
    pulse_otel.shutdown(0)


def raising(number: int, frame: object) -> None:
    raise TimeLimit


class Strike:
    """Raises the signal at the `point`-th step of ours: as a function begins, or after a call.

    Since Python 3.11, a handler runs there and in loops only. Of the SDK's steps those count that
    ours led to.
    """

    def __init__(self, point: int) -> None:
        self.point, self.steps, self.where = point, 0, ""

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        if event in ("call", "c_return") and self._is_ours(frame):
            self.steps += 1
            if self.steps == self.point:
                self.where = f"{frame.f_code.co_qualname}:{frame.f_lineno}"
                signal.raise_signal(signal.SIGUSR1)

    def _is_ours(self, frame: FrameType | None) -> bool:
        while frame is not None and frame.f_code.co_filename.startswith((OURS, SDK)):
            if frame.f_code.co_filename.startswith(OURS):
                return True
            frame = frame.f_back
        return False


@pytest.mark.row("P5")
def test_a_span_that_a_signal_handler_strikes_as_it_ends_is_counted_and_sent(
    server: FaultServer, provider: TracerProvider
) -> None:
    pulse_otel.init_pulse(
        api_key=KEY, api_url=server.url, protocol="otlp", tracer_provider=provider
    )
    tracer = provider.get_tracer("pulse_otel.openai")
    signal.signal(signal.SIGUSR1, raising)

    def end(point: int) -> str:
        span = tracer.start_span("chat m", attributes=CHAT)
        strike = Strike(point)
        sys.setprofile(strike)
        try:
            span.end()
        except TimeLimit:
            assert strike.where
        else:
            assert not strike.where, f"swallowed at {strike.where}"
        finally:
            sys.setprofile(None)
        return strike.where

    struck = list(takewhile(bool, map(end, count(1))))

    assert len(struck) > 30
    # No code of ours could catch what strikes as the first of it begins.
    lost = {"SwitchableProcessor.on_end", "PulseSpanProcessor.on_end"}
    lost |= {"SpanObservers._on_ending"}
    due = 1 + sum(where.partition(":")[0] not in lost for where in struck)
    assert due >= len(struck) - 3
    stats = pulse_otel.stats()
    assert (stats.ended, stats.unaccounted) == (due, 0)
    assert pulse_otel.flush_buffer(10) is True
    stats = pulse_otel.stats()
    assert (stats.ended, stats.delivered, stats.in_queue) == (due, due, 0)
    assert len(stored(server.stored)) == due
    assert set(stored(server.stored).values()) == {1}
