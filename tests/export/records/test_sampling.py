"""`sample_rate`: a trace is sent whole or not at all, by the rule of OpenTelemetry's sampler."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

from pulse_otel import semconv
from pulse_otel.export.records.record import Kind
from pulse_otel.export.records.sampling import TraceSampling
from tests.export.payloads.test_traces_form import PLAIN
from tests.export.sending import records, sending
from tests.faults import FaultServer

RATES = st.one_of(st.sampled_from([0.0, 1.0, 0.5, 1e-9, 1 - 2**-53]), st.floats(0, 1))
LOW = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2**63 - 1, 2**63, 2**64 - 1]))


@given(rate=RATES, high=st.integers(0, 2**64 - 1), low=LOW)
def test_the_rule_is_that_of_opentelemetrys_ratio_sampler(rate: float, high: int, low: int) -> None:
    trace_id = high << 64 | low
    theirs = TraceIdRatioBased(rate).should_sample(None, trace_id, "")

    ours = TraceSampling(rate, False)(replace(PLAIN, trace_id=f"{trace_id:032x}"))

    assert (ours is not None) == (theirs.decision is Decision.RECORD_AND_SAMPLE)


OUT = replace(PLAIN, trace_id="f" * 32)
FAILED = replace(OUT, is_error=True, error={"name": "RateLimitError"})


def test_a_failed_call_is_kept_and_marked() -> None:
    kept = TraceSampling(0.5, True)(FAILED)

    assert kept == replace(FAILED, attributes={**FAILED.attributes, semconv.PULSE_KEPT_ERROR: True})
    assert TraceSampling(0.5, True)(OUT) is None
    assert TraceSampling(0.5, False)(FAILED) is None


def test_a_failed_call_of_a_sampled_trace_has_no_mark() -> None:
    failed = replace(FAILED, trace_id="0" * 31 + "1")

    assert TraceSampling(0.5, True)(failed) is failed


@pytest.mark.parametrize("kind", ["tool_use", "agent_run"])
def test_a_failed_tool_or_agent_is_not_kept_without_its_trace(kind: Kind) -> None:
    assert TraceSampling(0.5, True)(replace(FAILED, kind=kind)) is None


def test_nothing_is_kept_of_what_is_left_out() -> None:
    """It is neither held for a second recording nor remembered; the flush waits for none of it."""
    waiting = {"trace_id": OUT.trace_id, "parent_span_id": "b" * 16}  # as calls that are held
    with (
        FaultServer() as server,
        sending(server.url, sample=TraceSampling(0.5, True), hold_s=60.0) as delivery,
    ):
        delivery.submit(records(20, **waiting))
        assert delivery.flush(10) is True
        calls = delivery._queue._deduplicator
        stats = delivery.snapshot()

    assert (stats.ended, stats.not_sampled, stats.delivered) == (20, 20, 0)
    assert (stats.unaccounted, stats.lost, len(calls), len(calls._shipped)) == (0, 0, 0, 0)
    assert server.received == []
