"""A program that seeds `random` gets its own sequence, and ids that no run repeats."""

from __future__ import annotations

import random
from typing import Any

import pulse_otel
from pulse_otel import Provider, observe
from tests.conftest import MESSAGES, Service


def test_seeded_runs_keep_their_sequence_and_all_their_traces(
    openai_client: Any, pulse: Service
) -> None:
    observe(openai_client, Provider.OPENAI)
    drawn = []
    for _ in range(3):
        random.seed(1)
        openai_client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
        drawn.append(random.random())

    assert drawn == [random.Random(1).random()] * 3
    assert pulse_otel.flush_buffer()
    assert len({trace["traceId"] for trace in pulse.traces(3)}) == 3
