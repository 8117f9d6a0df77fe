"""The pytest plugin: the fixture `pulse_traces`, and what a failed comparison of its calls prints.

Every pytest run imports this module, so it imports nothing of ours before the fixture is used.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pulse_otel.testing import PulseTraces


@pytest.fixture
def pulse_traces() -> Iterator[PulseTraces]:
    """The LLM calls, tools and units of work that the test makes, as Pulse would show them.

    Nothing is sent anywhere: neither by it, nor by what the program sets up in the test.
    """
    from pulse_otel.testing.recording import recording

    with recording() as traces:
        yield traces


def pytest_assertrepr_compare(
    config: pytest.Config, op: str, left: object, right: object
) -> list[str] | None:
    """Explain why recorded calls are not the expected ones; whole with ``-vv``."""
    testing = sys.modules.get("pulse_otel.testing")
    if testing is None or op != "==":
        return None
    found: list[str] | None = testing.explained(left, right, whole=config.option.verbose > 1)
    return found
