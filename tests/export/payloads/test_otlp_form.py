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


@pytest.mark.parametrize("character", ["x", "\x00", "\ud800", "é", '"'])
def test_a_column_has_a_bound(character: str) -> None:
    user = written(user_id=character * 100_000)[semconv.PULSE_USER_ID]["stringValue"]

    assert len(user.encode()) <= otlp.FORM.max_body_bytes
    assert "\x00" not in user


def test_ids_and_keys_of_any_text_are_written() -> None:
    """A record may come from the disk."""
    odd = 'a\x00\ud800"b'
    (record,) = records(1, trace_id=odd, parent_span_id=odd, name=odd, attributes={odd: odd})

    span = json.loads(otlp.encode(record).json)

    assert span["traceId"] == span["parentSpanId"] == span["name"] == 'a\ufffd\ufffd"b'
    assert {"key": 'a\ufffd\ufffd"b', "value": {"stringValue": 'a\ufffd\ufffd"b'}} in span[
        "attributes"
    ]


@pytest.mark.parametrize("character", ["x", "\x00", "\ud800", "é"])
def test_a_name_has_a_bound(character: str) -> None:
    (record,) = records(1, name=character * 5_000)

    assert len(json.loads(otlp.encode(record).json)["name"].encode()) <= 1024


def test_json_in_a_text_is_the_body() -> None:
    body = {"text": 'a "quoted" \\ back\nslash \u2028 é \x7f', "path": "C:\\temp\\"}

    text = written(request=body)[semconv.PULSE_REQUEST]["stringValue"]

    assert json.loads(text) == body


def test_long_keys_are_not_remembered() -> None:
    written(attributes={f"pulse.{'k' * 1000}{number}": 1 for number in range(50)})

    assert max(map(len, otlp._HEADS)) <= otlp._LONGEST_KEY


def _texts(**changes: Any) -> dict[str, Any]:
    """The values of a record's attributes as JSON has them, each of which is there once."""
    (record,) = records(1, **changes)
    items = json.loads(otlp.encode(record).json)["attributes"]
    found = {item["key"]: next(iter(item["value"].values())) for item in items}
    assert len(found) == len(items)
    return found


@pytest.mark.parametrize("model", ["m", "m" * 600, "m\x00\ud800é", 1, True, 1.0, ["m"], None])
def test_one_name_changes_no_other(model: Any) -> None:
    """Names are remembered; a spool may have held something else than texts."""
    others = [_texts(model=each, service_tier="flex") for each in (model, model, "other")]
    for texts in others[:2]:
        texts[semconv.REQUEST_MODEL] = "other"

    assert others[0] == others[1] == others[2]


@pytest.mark.parametrize("model", ["m" * 600, 1, True])
def test_a_name_that_is_not_remembered_is_written(model: Any) -> None:
    assert _texts(model=model)[semconv.REQUEST_MODEL] == model
    assert type(_texts(model=model)[semconv.REQUEST_MODEL]) is type(model)


@pytest.mark.parametrize("key", [semconv.PULSE_KIND, semconv.REQUEST_MODEL])
def test_an_attribute_of_the_span_wins_over_a_column_of_its_name(key: str) -> None:
    assert _texts(model="m", attributes={key: "theirs"})[key] == "theirs"
