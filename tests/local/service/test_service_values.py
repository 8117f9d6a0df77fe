"""Unusual values of a span, one row per value that the real service was seen to treat so (§3.2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.service_client import START_MS, Client, attributes, eventually, export, span

VALID_END = (START_MS + 10) * 1_000_000
NUMBER = "Invalid input: expected string, received number"
NULL = "Invalid input: expected string, received null"
NEGATIVE = "Too small: expected number to be >=0"


@pytest.mark.parametrize("start", ["", None, "soon", -1, [], {}, "9" * 30, True])
def test_a_span_with_an_unusable_start_and_a_valid_end_is_stored_without_a_duration(
    client: Client, start: Any
) -> None:
    found = client.only_span(span(startTimeUnixNano=start, endTimeUnixNano=VALID_END))
    assert found["durationMs"] is None
    assert found["timestamp"] > "2026"


@pytest.mark.parametrize("start", ["", "soon"])
def test_a_start_that_is_now_is_not_compared_with_the_end(client: Client, start: str) -> None:
    assert client.only_span(span(startTimeUnixNano=start, endTimeUnixNano=-1))["durationMs"] is None


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (span(endTimeUnixNano=""), NEGATIVE),
        (span(endTimeUnixNano=-1), NEGATIVE),
        (span(endTimeUnixNano=[]), NEGATIVE),
        (span(endTimeUnixNano="9" * 30), "Too big: expected int to be <=9007199254740991"),
        (span(spanId=None), NULL),
        (span(spanId=7), NUMBER),
        (span(parentSpanId=None), NULL),
        (span(parentSpanId=7), NUMBER),
        (span(traceId=7), NUMBER),
        (span(traceId=""), "Too small: expected string to have >=1 characters"),
        (span(attributes=["a"]), "Invalid input: expected object, received string"),
        (span(attributes={"a": 1}), "Invalid input: expected array, received object"),
        (
            span({"gen_ai.usage.input_tokens": 12.5}),
            "Invalid input: expected int, received number",
        ),
        (span({"pulse.cost_cents": -1}), NEGATIVE),
        ("span", "Invalid input: expected object, received string"),
    ],
)
def test_a_rejection_says_what_was_expected_and_what_came(
    client: Client, bad: Any, message: str
) -> None:
    assert client.rejected(bad) == {"rejectedSpans": 1, "errorMessage": message}


def test_an_empty_list_is_an_absent_id(client: Client) -> None:
    found = client.only_span(span(spanId=[], parentSpanId=[]))
    assert (len(found["spanId"]), found["parentSpanId"]) == (36, None)


@pytest.mark.parametrize("found", [{"a": 1}, [None], "text", ["a"]])
def test_an_export_with_bad_resource_attributes_is_refused(client: Client, found: Any) -> None:
    body = export(span())
    body["resourceSpans"][0]["resource"] = {"attributes": found}
    assert client.post(body).status_code == 400


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"stringValue": 5}, 5),
        ({"stringValue": ["a"]}, ["a"]),
        ({"boolValue": "true"}, True),  # JSON text is parsed
        ({"boolValue": 1}, 1),
        ({"intValue": "five"}, "five"),
        ({"intValue": "5"}, 5),
        ({"doubleValue": "0.5"}, 0.5),
        ({"doubleValue": {"a": 1}}, {"a": 1}),
    ],
)
def test_a_value_of_another_type_than_its_name_says_is_taken(
    client: Client, value: Any, shown: Any
) -> None:
    found = client.only_span(span(attributes=[{"key": "pulse.x", "value": value}]))
    assert found["metadata"] == {"pulse.x": shown}


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        ({"pulse.session_name": "12"}, {"session_name": "12"}),
        ({"pulse.session_name": '{"a":1}'}, {"session_name": '{"a":1}'}),
        ({"pulse.session_name": ""}, {}),
        ({"pulse.session_name": 12}, {}),
        ({"pulse.session_name": True}, {}),
    ],
)
def test_the_name_of_a_session_is_a_text_as_it_was_sent(
    client: Client, found: dict[str, Any], kept: dict[str, Any]
) -> None:
    assert client.only_span(span(found))["metadata"] == kept


@pytest.mark.parametrize(
    ("kind", "shown"), [("llm_call", None), ("agent_run", None), ("tool_use", "search")]
)
def test_only_a_tool_has_a_tool_name(client: Client, kind: str, shown: str | None) -> None:
    one = client.only_span(span({"pulse.kind": kind, "pulse.tool.name": "search"}))
    assert (one["toolName"], one["metadata"]) == (shown, {})


def test_an_empty_error_is_none(client: Client) -> None:
    trace = client.only_trace(span({"pulse.error": ""}))
    assert "error" not in trace
    assert trace["spans"][0]["error"] is None


def test_json_that_is_3000_deep_is_stored_and_read_back(client: Client) -> None:
    deep = "[" * 3000 + "]" * 3000
    client.send(span({"pulse.request": deep}, traceId="deep"))
    reads = ("/v1/traces/deep", "/v1/traces", "/v1/spans", "/v1/sessions/deep")
    for path in reads:
        assert deep in eventually(
            lambda path=path: client.get(path).text, lambda text: deep in text
        )
    pages = [client.get(path).status_code for path in ("/", "/dashboard/traces/deep")]
    assert pages == [200, 200]


def test_a_body_that_is_3000_deep_is_accepted(client: Client) -> None:
    one = span(links=["deep"])
    body = export(one, span())
    text = str(body).replace("'", '"').replace('"deep"', "[" * 3000 + "]" * 3000)
    assert (client.post(text.encode()).json()) == {}
    client.stored(2)


@pytest.mark.parametrize("end", ["", "]", "]]]", "x"])
def test_deep_text_that_is_no_json_is_refused(client: Client, end: str) -> None:
    answer = client.post(("[" * 3000 + "]" * 2998 + end).encode())
    assert (answer.status_code, answer.json()) == (400, {"error": "Invalid JSON body"})


def test_a_lone_surrogate_in_deep_json_is_replaced(client: Client) -> None:
    deep = "[" * 3000 + '"\\ud800"' + "]" * 3000
    client.send(span(attributes=attributes({"pulse.x": deep})))
    text = eventually(lambda: client.get("/v1/spans").text, lambda found: '"total":1' in found)
    assert '"\ufffd"' in text
