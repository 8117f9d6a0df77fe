"""How values are written in the current service's form, beyond what a service can show."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pulse_otel import semconv
from pulse_otel.export.payloads import otlp
from pulse_otel.export.records.record import Usage
from tests.export.sending import records

LARGEST_COLUMN = 2**31 - 1


def written(**changes: Any) -> dict[str, Any]:
    """The values of a record's attributes."""
    (record,) = records(1, **changes)
    span = json.loads(otlp.encode(record).json)
    return {attribute["key"]: attribute["value"] for attribute in span["attributes"]}


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (4111111111, {"intValue": 4111111111}),
        (-1795442400000, {"intValue": -1795442400000}),
        (2**53 - 1, {"intValue": 2**53 - 1}),
        (2**53, {"stringValue": str(2**53)}),
        (-(10**30), {"stringValue": "-1" + "0" * 30}),
        # Python itself writes no such text.
        pytest.param(10**5000, {"stringValue": "[huge integer]"}, id="huge"),
        (True, {"boolValue": True}),
    ],
)
def test_integers_keep_all_their_digits(number: int, value: dict[str, Any]) -> None:
    attributes = written(metadata={"order": number}, attributes={"pulse.order": number})

    assert attributes["pulse.order"] == value
    (pair,) = attributes[semconv.PULSE_METADATA]["kvlistValue"]["values"]
    assert pair == {"key": "order", "value": value}


@pytest.mark.parametrize(
    ("tokens", "column"), [(2**31, LARGEST_COLUMN), (10**30, LARGEST_COLUMN), (-1, 0), (7, 7)]
)
def test_tokens_fit_their_columns(tokens: int, column: int) -> None:
    """One that does not would cost the spans after it (contract §3.6)."""
    attributes = written(usage=Usage(input=tokens, output=tokens))

    assert attributes[semconv.INPUT_TOKENS] == {"intValue": column}
    assert attributes[semconv.OUTPUT_TOKENS] == {"intValue": column}


def test_a_service_tier_is_cut_as_every_text() -> None:
    tier = written(service_tier="x" * 100_000)[semconv.PULSE_SERVICE_TIER]["stringValue"]

    assert len(tier) <= otlp.FORM.max_body_bytes
