"""Where the tests of metrics record to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.instrumentation.metering import Metrics, Recording


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def recording() -> Recording:
    return Recording()


@pytest.fixture
def recorded(recording: Recording, metrics: Metrics) -> Iterator[Recording]:
    with recording.to(metrics.provider):
        yield recording
