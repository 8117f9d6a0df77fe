"""Any span, however odd: the service takes it, in both forms, and reads what was written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, TraceFlags

from pulse_otel import semconv
from pulse_otel.export.dialects import read
from pulse_otel.export.payloads import otlp, traces
from pulse_otel.export.records.record import Record, Usage
from pulse_otel.local.service.app import create_app
from pulse_otel.local.service.legacy.app import create_legacy_app
from pulse_otel.local.serving import serving
from tests.conftest import KEY
from tests.export.dialects.test_dialect_hostile import EVENTS, KEYS, SCOPES, _span, values
from tests.export.payloads.test_traces_form import PLAIN

HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}


@pytest.fixture(scope="module")
def services() -> Iterator[dict[str, Any]]:
    """Posts to the development services, by form; they have the real one's rules."""
    with (
        requests.Session() as http,
        serving(create_app()) as current,
        serving(create_legacy_app()) as legacy,
    ):
        http.headers.update(HEADERS)

        def post(url: str, form: Any, records: list[Record]) -> tuple[int, Any]:
            encoded = [one for record in records if (one := form.encode(record))]
            answer = http.post(url + form.path, data=form.body(encoded), timeout=20)
            return answer.status_code, answer.json()

        yield {
            "otlp": lambda records: post(current, otlp.FORM, records),
            "traces": lambda records: post(legacy, traces.FORM, records),
        }


def accepted(services: dict[str, Any], records: list[Record]) -> None:
    assert services["otlp"](records) == (200, {})
    calls = [record for record in records if record.kind == "llm_call"]
    if calls:
        status, answer = services["traces"](calls)
        assert (status, answer.get("count")) == (202, len(calls)), answer


spans = st.builds(
    _span, st.sampled_from(SCOPES), st.dictionaries(st.sampled_from(KEYS), values), EVENTS
)


@pytest.mark.row("E8")
@pytest.mark.parametrize(
    "runs", [10, pytest.param(500, marks=[pytest.mark.long, pytest.mark.timeout(900)])]
)
def test_the_service_takes_any_span(runs: int, services: dict[str, Any]) -> None:
    @settings(max_examples=runs, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(spans, min_size=5, max_size=20))
    def take(found: list[ReadableSpan]) -> None:
        records = [record for span in found if (record := read(span))]
        unique = [replace(r, span_id=f"{n:016x}") for n, r in enumerate(records, 1)]
        if unique:
            accepted(services, unique)

    take()


def odd(name: str = "chat", begin: Any = 1, end: Any = 10, ids: Any = (1, 2), **more: Any) -> Any:
    return ReadableSpan(
        name=name,
        context=SpanContext(*ids, False, TraceFlags(1)),
        attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", **more},
        start_time=begin,
        end_time=end,
    )


ODD = {
    "ends before it begins": odd(begin=10**18, end=5),
    "1970": odd(begin=0, end=0),
    "2262": odd(begin=2**63 - 1, end=2**63 - 1),
    "no times": odd(begin=None, end=None),
    "ids of 0": odd(ids=(0, 0)),
    "largest ids": odd(ids=(2**128 - 1, 2**64 - 1)),
    "no name": odd(name=""),
    "129 attributes": odd(**{f"a{n}": n for n in range(129)}),
    "10,000 attributes": odd(**{f"a{n}": "x" for n in range(10_000)}),
}


@pytest.mark.row("E7")
@pytest.mark.parametrize("name", ODD)
def test_the_service_takes_odd_spans(name: str, services: dict[str, Any]) -> None:
    record = read(ODD[name])

    assert record is not None
    assert record.kind == "llm_call"
    accepted(services, [record])


def decoded(value: dict[str, Any]) -> Any:
    """The value of an OTLP AnyValue."""
    ((kind, inner),) = value.items()
    if kind == "arrayValue":
        return [decoded(item) for item in inner["values"]]
    if kind == "kvlistValue":
        return {pair["key"]: decoded(pair["value"]) for pair in inner["values"]}
    return inner


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)
counts = st.none() | st.integers(0, 2**31 - 1)
scalars = texts | st.integers(-(2**31) + 1, 2**31 - 1) | st.booleans() | st.floats(-1e9, 1e9)
objects = st.dictionaries(texts, scalars | st.lists(scalars, max_size=3), min_size=1, max_size=3)


@pytest.mark.row("E9")
@given(
    name=texts,
    model=texts,
    response_id=st.none() | texts,
    session_id=st.none() | texts,
    output_text=st.none() | texts,
    counted=st.tuples(counts, counts),
    request=objects,
    response=st.none() | objects,
    metadata=objects,
    attributes=st.dictionaries(texts.map("x.".__add__), scalars, max_size=3),
    times=st.tuples(st.integers(0, 2**62), st.integers(0, 2**31 - 1)),
    is_error=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_what_is_read(
    counted: Any, times: Any, metadata: Any, **fields: Any
) -> None:
    begin, lasts = times
    record = replace(
        PLAIN,
        usage=Usage(input=counted[0], output=counted[1]),
        metadata=metadata,
        start_ns=begin,
        end_ns=begin + lasts,
        **fields,
    )

    span = json.loads(otlp.encode(record).json)
    found = {pair["key"]: decoded(pair["value"]) for pair in span["attributes"]}

    assert (span["name"], span["traceId"], span["spanId"]) == (
        record.name,
        record.trace_id,
        record.span_id,
    )
    assert (int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])) == (begin, begin + lasts)
    assert (span["status"] == {"code": 2}) is record.is_error
    assert found.get(semconv.REQUEST_MODEL) == record.model
    assert found.get(semconv.RESPONSE_ID) == record.response_id
    assert found.get(semconv.PULSE_SESSION_ID) == record.session_id
    assert found.get(semconv.PULSE_OUTPUT_TEXT) == record.output_text
    assert (found.get(semconv.INPUT_TOKENS), found.get(semconv.OUTPUT_TOKENS)) == counted
    assert json.loads(found[semconv.PULSE_REQUEST]) == record.request
    assert json.loads(found.get(semconv.PULSE_RESPONSE, "null")) == record.response
    assert found[semconv.PULSE_METADATA] == metadata
    for key, value in record.attributes.items():
        assert found[key] == value
