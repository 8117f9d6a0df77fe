"""The services that the shipping half is tested against."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pulse_otel
from pulse_otel.config import ApiKey
from pulse_otel.export.transport.http import Transport
from pulse_otel.export.transport.outcome import Outcome
from tests.conftest import KEY
from tests.export.changing import ChangingService, changing_service
from tests.export.faulty import FaultyService


@pytest.fixture
def faulty() -> Iterator[FaultyService]:
    service = FaultyService()
    yield service
    pulse_otel.shutdown(0)
    service.close()


@pytest.fixture
def changing() -> Iterator[ChangingService]:
    with changing_service() as service:
        yield service
        pulse_otel.shutdown(0)


@pytest.fixture
def transport_to() -> Iterator[Callable[..., Transport]]:
    """Makes transports to an address, and closes them at the end."""
    made: list[Transport] = []

    def make(url: str, key: str = KEY, **settings: Any) -> Transport:
        made.append(Transport(url, ApiKey(key), **settings))
        return made[-1]

    yield make
    for transport in made:
        transport.close()


@pytest.fixture
def post(transport_to: Callable[..., Transport]) -> Callable[..., Outcome]:
    """Posts once to an address, with a fresh transport."""

    def once(
        url: str, body: bytes = b'{"resourceSpans":[]}', seconds: float = 10, **settings: Any
    ) -> Outcome:
        transport = transport_to(url, **settings)
        return transport.post("/v1/traces", body, time.monotonic() + seconds)

    return once
