"""The cost of a record: tiers have prices of their own."""

from __future__ import annotations

import pytest

from pulse_otel.export.pricing.cost import record_cost_cents
from pulse_otel.export.records.record import Record, Usage


def _record(tier: str | None) -> Record:
    return Record(
        kind="llm_call",
        trace_id="1",
        span_id="2",
        parent_span_id=None,
        start_ns=0,
        end_ns=1,
        name="chat",
        provider="openai",
        model="gpt-4o-mini",
        usage=Usage(input=1000, output=100),
        service_tier=tier,
    )


@pytest.mark.parametrize(
    ("tier", "part"), [("default", 1), ("auto", 1), ("standard", 1), ("batch", 0.5), ("flex", 0.5)]
)
def test_a_tier_is_its_part_of_the_list_price(tier: str, part: float) -> None:
    listed = record_cost_cents(_record(None))
    assert listed

    assert record_cost_cents(_record(tier)) == pytest.approx(listed * part)


def test_a_tier_whose_price_is_not_known_has_no_cost() -> None:
    assert record_cost_cents(_record("priority")) is None
