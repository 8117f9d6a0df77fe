"""What an answer of the service means for the batch: the decision table, row by row."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from email.utils import formatdate
from typing import Any

import pytest

from pulse_otel.export.transport.outcome import (
    TABLE,
    Verdict,
    believed,
    decide,
    retry_after_s,
)
from tests.conftest import ROOT

JSON = "application/json"
PAUSING = {401, 402, 403, 404, 405, 407, 410, 421, 426, 451}
RETRYING = {408, 425, 429}


def _expected(status: int) -> Verdict:
    """For an answer that is JSON, as the service gives it."""
    if 200 <= status < 300:
        return Verdict.DELIVERED
    if 300 <= status < 400 or status in PAUSING:
        return Verdict.PAUSED
    if status == 413:
        return Verdict.TOO_LARGE
    return Verdict.REJECTED if 400 <= status < 500 and status not in RETRYING else Verdict.RETRY


@pytest.mark.row("H5", "H7", "H8")
def test_every_status_has_its_verdict() -> None:
    for status in range(100, 600):
        body = b"{}" if status < 400 else b'{"error":"no"}'
        outcome = decide(status, body, "7", JSON)

        assert outcome.verdict is _expected(status), status
        assert outcome.status == status
        again = outcome.verdict in (Verdict.RETRY, Verdict.PAUSED, Verdict.TOO_LARGE)
        assert outcome.retry_after_s == (7 if again else None)
        assert bool(outcome.cause) is (outcome.verdict is not Verdict.DELIVERED)
        assert "{" not in outcome.cause


@pytest.mark.row("H4")
@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"<!doctype html><p>Welcome", ""), (b" \n<html>", JSON), (b"{}", "Text/HTML; charset=x")],
)
def test_a_page_is_never_the_services_word_on_spans(body: bytes, content_type: str) -> None:
    for status in range(100, 600):
        verdict = decide(status, body, None, content_type).verdict
        spans = _expected(status) in (Verdict.DELIVERED, Verdict.REJECTED)

        assert verdict is (Verdict.PAUSED if spans else _expected(status)), status


@pytest.mark.row("H1", "H4")
@pytest.mark.parametrize(
    ("body", "content_type", "verdict"),
    [
        (b"{}", JSON, Verdict.DELIVERED),
        (b"{}", "", Verdict.DELIVERED),
        (b"{}", "text/plain", Verdict.DELIVERED),
        (b'{"status":"queued","count":1}', JSON, Verdict.DELIVERED),
        (b"", JSON, Verdict.DELIVERED),
        (b"", "", Verdict.DELIVERED),
        (b"\r\n", "text/plain", Verdict.DELIVERED),
        (b"[]", JSON, Verdict.PAUSED),
        (b'"ok"', JSON, Verdict.PAUSED),
        (b"OK", "text/plain", Verdict.PAUSED),
        (b'{"error":"please log in"}', JSON, Verdict.PAUSED),
        (b"", "text/html", Verdict.PAUSED),
        (b'{"partialSuccess":{"rej', JSON, Verdict.RETRY),
        (b'{"partialSuccess":{"rej', "", Verdict.PAUSED),
        (b"[" * 100_000, JSON, Verdict.RETRY),
        (b"\xff\xfe\x00", JSON, Verdict.RETRY),
    ],
)
@pytest.mark.parametrize("status", [200, 202])
def test_only_the_services_own_json_is_success(
    status: int, body: bytes, content_type: str, verdict: Verdict
) -> None:
    assert decide(status, body, None, content_type).verdict is verdict


@pytest.mark.parametrize(
    ("status", "message", "verdict", "said"),
    [
        (400, "http: request body too large", Verdict.TOO_LARGE, "too large"),
        (400, "ReadObject: expect", Verdict.REJECTED, "refused the request"),
        (401, "Permanent error: rpc error", Verdict.PAUSED, "protocol='collector' sends no key"),
        (403, "Permanent error: rpc error", Verdict.PAUSED, "protocol='collector' sends no key"),
        (404, "404 page not found", Verdict.PAUSED, "no trace endpoint"),
        (429, "Throttle (7s)", Verdict.RETRY, "429"),
        (500, "Permanent error: rpc error", Verdict.RETRY, "500"),
        (503, "sending queue is full", Verdict.RETRY, "503"),
        (503, "data refused due to high memory usage", Verdict.RETRY, "503"),
    ],
)
def test_what_a_collector_answers(status: int, message: str, verdict: Verdict, said: str) -> None:
    """As release 0.161 was seen to; the specification of OTLP gives the statuses."""
    body = json.dumps({"code": 3, "message": message}).encode()
    outcome = decide(status, body, "7", JSON, keyless=True)

    assert outcome.verdict is verdict
    assert said in outcome.cause
    again = verdict in (Verdict.RETRY, Verdict.PAUSED, Verdict.TOO_LARGE)
    assert outcome.retry_after_s == (7 if again else None)


def test_plain_http_to_a_tls_port_decides_nothing_on_spans() -> None:
    """As servers in Go answer it, a Collector among them: the address is wrong, and no span."""
    body = b"Client sent an HTTP request to an HTTPS server.\n"
    for keyless in (False, True):
        outcome = decide(400, body, keyless=keyless)

        assert outcome.verdict is Verdict.PAUSED
        assert outcome.cause.startswith("the server speaks TLS: check http://")


@pytest.mark.row("H2", "H3")
@pytest.mark.parametrize(
    ("partial", "refused"),
    [
        ({"rejectedSpans": 3, "errorMessage": "no"}, 3),
        ({"rejectedSpans": "3"}, 3),
        ({"rejectedSpans": 0, "errorMessage": "a hint"}, 0),
        ({"rejectedSpans": None}, 0),
        ({}, 0),
        (None, 0),
        ("no", 0),
    ],
)
def test_partial_success_is_counted(partial: Any, refused: int) -> None:
    outcome = decide(200, json.dumps({"partialSuccess": partial}).encode())

    assert (outcome.verdict, outcome.refused) == (Verdict.DELIVERED, refused)
    assert bool(outcome.cause) is bool(refused)


@pytest.mark.row("H2")
@pytest.mark.parametrize("number", [-5, True, 2.0, 1e400, "²", "-5", "five", [1], {"a": 1}])
def test_a_number_of_refused_spans_that_is_none_is_not_believed_nor_quoted(number: Any) -> None:
    stated = {"rejectedSpans": number, "errorMessage": "because"}
    outcome = decide(200, json.dumps({"partialSuccess": stated}).encode())

    assert (outcome.verdict, outcome.refused) == (Verdict.DELIVERED, 0)
    assert outcome.cause.endswith("that number cannot be true")


@pytest.mark.row("H2")
def test_no_more_spans_are_refused_than_were_sent() -> None:
    outcome = decide(200, b'{"partialSuccess":{"rejectedSpans":6,"errorMessage":"no"}}')

    assert believed(outcome, 6) == outcome
    assert believed(outcome, 5).refused == 0
    assert "6" not in believed(outcome, 5).cause


@pytest.mark.row("H2")
def test_the_services_message_is_shown_in_one_bounded_line() -> None:
    message = r"Invalid option:\nWARNING forged \u001b[31m\u2028" + "x" * 100_000
    body = f'{{"partialSuccess":{{"rejectedSpans":2,"errorMessage":"{message}"}}}}'.encode()
    cause = decide(200, body).cause

    assert cause.startswith("the service refused 2 spans (Invalid option: WARNING forged [31m")
    assert cause.isprintable()
    assert len(cause) < 300


@pytest.mark.parametrize(
    ("details", "bad"),
    [
        ([{"path": [1, "provider"]}, {"path": [3]}], {1, 3}),
        ([{"path": []}, {"path": ["x"]}, {"path": [True]}, {"path": [-1]}, 5, {}], set()),
        ("no", set()),
    ],
)
def test_the_named_spans_of_a_refused_request(details: Any, bad: set[int]) -> None:
    outcome = decide(400, json.dumps({"error": "Validation failed", "details": details}).encode())

    assert (outcome.verdict, outcome.bad) == (Verdict.REJECTED, bad)


@pytest.mark.row("H10", "T3")
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", None),
        ("1", 1),
        (" 30 ", 30),
        ("3600", 600),
        ("9" * 5000, 600),
        ("-1", None),
        ("1.5", None),
        ("abc", None),
        ("²", None),
        ("1e309", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("Wed, 21 Oct 9999 07:28:00 GMT", 600),
        ("Wed, 21 Oct 99999 07:28:00 GMT", None),
        ("Wed, 41 Foo 2015", None),
        ("\x00", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header) == seconds


@pytest.mark.row("H10", "T3")
@pytest.mark.parametrize("ahead_s", [2, 300, 3600])
@pytest.mark.parametrize("zone", ["GMT", "-0000"])
def test_retry_after_as_a_date(ahead_s: int, zone: str) -> None:
    date = formatdate(time.time() + ahead_s, usegmt=True).replace("GMT", zone)
    wait = retry_after_s(date)

    assert wait is not None
    assert min(ahead_s, 600) - 2 <= wait <= min(ahead_s, 600)


def test_the_last_row_fits_all() -> None:
    """So that there is no answer without a verdict."""
    assert not TABLE[-1].answers
    assert all(status in TABLE[-1].statuses for status in range(1000))
    assert decide(9999, b"").verdict is Verdict.RETRY


def test_the_page_about_outcomes_is_current() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "outcome_table.py"), "--check"]

    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
