"""A stream that was left early, as Pulse shows it: what had arrived, and nothing made up."""

from __future__ import annotations

from typing import Any

import pytest

from pulse_otel import flush_buffer, observe
from tests.conftest import Clients, Service
from tests.stream_cases import KINDS, TEXT


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_a_stream_that_was_left_has_no_finish_reason(
    sdk: str, provider: Any, clients: Clients, pulse: Service
) -> None:
    kind, client = KINDS[sdk], observe(getattr(clients, sdk)(), sdk)
    provider.enqueue(kind.reply(TEXT))
    stream = kind.open(client)
    for _ in zip(range(4), stream, strict=False):
        pass
    stream.close()

    assert flush_buffer()
    (trace,) = pulse.traces(1)
    assert trace["status"] == "success"
    assert "finishReason" not in trace
    assert "error" not in str(trace["responseBody"])
    assert trace["responseBody"]["model"]
