"""What the legacy form stores of an upload, and what it answers (contract §1, §2.2, §2.4)."""

from __future__ import annotations

import gzip
import json
import threading
from typing import Any

import pytest
import requests

from pulse_otel.local.service.legacy import app as legacy
from pulse_otel.local.serving import serving
from pulse_otel.local.storage.writer import Writer
from tests.local.legacy_client import FULL, LegacyClient, trace
from tests.local.service_client import SESSION, TIMEOUT_S

FAILED = (500, {"error": "Internal server error"})


def outcome(answer: requests.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()


GZIPPED = gzip.compress(b"[]", mtime=0)  # the same in every test process


class TestAnswers:
    def test_a_batch_is_shown_again(self, legacy_client: LegacyClient) -> None:
        """A 202 with each trace in full."""
        status, answer = outcome(legacy_client.batch(FULL))

        assert (status, answer["count"]) == (202, 1)
        (shown,) = answer["traces"]
        assert shown.pop("projectId")
        assert shown == {
            "traceId": FULL["trace_id"],
            "sessionId": SESSION,
            "timestamp": "2026-11-23T04:00:00.123Z",
            "latencyMs": 12.75,
            "provider": "openai",
            "modelRequested": "gpt-4o",
            "modelUsed": "gpt-4o-2024",
            "providerRequestId": "r1",
            "requestBody": {"model": "gpt-4o"},
            "responseBody": {"a": 1},
            "inputTokens": 1,
            "outputTokens": 2,
            "outputText": "hi",
            "finishReason": "stop",
            "status": "success",
            "error": {"m": 1},
            "costCents": 0.0123,
            "metadata": {"u": 1},
        }

    def test_a_queued_one_is_not(self, legacy_client: LegacyClient) -> None:
        """A 202 with a number, and stored a moment later."""
        traces = [trace(), trace()]

        assert outcome(legacy_client.queue(*traces)) == (202, {"status": "queued", "count": 2})
        assert set(legacy_client.ids_when(2)) == {one["trace_id"] for one in traces}

    def test_queued_is_not_stored(self) -> None:
        """Between the two there is time."""
        app = legacy.create_legacy_app()
        app.state.writer = Writer(app.state.store.insert_queued, delay_s=0.5)
        with serving(app) as base:
            client = LegacyClient(base)
            client.queue(trace())
            assert client.ids() == []
            client.ids_when(1)
            client.close()

    def test_nothing(self, legacy_client: LegacyClient) -> None:
        """An empty array is a way to ask whether the form is spoken."""
        assert outcome(legacy_client.batch()) == (202, {"count": 0, "traces": []})
        assert outcome(legacy_client.queue()) == (202, {"status": "queued", "count": 0})

    @pytest.mark.parametrize("path", ["batch", "async"])
    def test_a_wrong_key_comes_first(self, legacy_url: str, path: str) -> None:
        """Before anything that may be wrong with the body."""
        answer = requests.post(
            f"{legacy_url}/v1/traces/{path}",
            data=b"{",
            headers={"Authorization": "Bearer wrong"},
            timeout=TIMEOUT_S,
        )
        assert outcome(answer) == (401, {"error": "Invalid API key"})


@pytest.mark.parametrize("path", ["batch", "async"])
class TestBodies:
    @pytest.mark.parametrize("body", [b"", b"x", b"[NaN]", GZIPPED, b"\x0a\x02"])
    def test_not_json(self, legacy_client: LegacyClient, path: str, body: bytes) -> None:
        answer = legacy_client.upload(path, body, headers={"Content-Encoding": "gzip"})
        assert outcome(answer) == (400, {"error": "Invalid JSON body"})

    @pytest.mark.parametrize("body", [{}, {"traces": []}, None, 1, "x"])
    def test_not_an_array(self, legacy_client: LegacyClient, path: str, body: Any) -> None:
        status, answer = outcome(legacy_client.upload(path, body))
        assert (status, answer["error"]) == (400, "Validation failed")
        assert [(one["path"], one["expected"]) for one in answer["details"]] == [([], "array")]

    @pytest.mark.parametrize("bad", [None, 1, "x", []])
    def test_not_a_trace(self, legacy_client: LegacyClient, path: str, bad: Any) -> None:
        status, answer = outcome(legacy_client.upload(path, [trace(), bad]))
        assert status == 400
        assert [(one["path"], one["expected"]) for one in answer["details"]] == [([1], "object")]

    def test_every_bad_trace_is_named(self, legacy_client: LegacyClient, path: str) -> None:
        traces = [trace(provider="azure"), trace(), trace(status="ok", latency_ms=-1), trace()]
        status, answer = outcome(legacy_client.upload(path, traces))
        assert status == 400
        found = [tuple(one["path"]) for one in answer["details"]]
        assert sorted(found) == [(0, "provider"), (2, "latency_ms"), (2, "status")]
        assert legacy_client.ids() == []

    def test_100_traces(self, legacy_client: LegacyClient, path: str) -> None:
        answer = legacy_client.upload(path, [trace() for _ in range(100)])
        assert (answer.status_code, answer.json()["count"]) == (202, 100)
        legacy_client.ids_when(100)

    def test_101_traces(self, legacy_client: LegacyClient, path: str) -> None:
        status, answer = outcome(legacy_client.upload(path, [trace() for _ in range(101)]))
        assert (status, answer["error"]) == (400, "Validation failed")
        first = answer["details"][0]
        assert {name: first[name] for name in ("origin", "code", "maximum", "path")} == {
            "origin": "array", "code": "too_big", "maximum": 100, "path": [],
        }  # fmt: skip
        assert legacy_client.ids() == []

    def test_unusual_text(self, legacy_client: LegacyClient, path: str) -> None:
        """A byte order mark, invalid UTF-8 and half a surrogate pair are no obstacles."""
        # Words that no id has: its digits are hexadecimal.
        text = json.dumps([trace(output_text="half|lone")])
        raw = text.replace("half", "\\ud800").encode().replace(b"lone", b"\xff")
        assert legacy_client.upload(path, b"\xef\xbb\xbf" + raw).status_code == 202
        (found,) = legacy_client.ids_when(1)
        shown = legacy_client.get(f"/v1/traces/{found}").json()
        assert shown["outputText"] == "\ufffd|\ufffd"


class TestKnownIds:
    def test_a_batch_again(self, legacy_client: LegacyClient) -> None:
        """A resend fails and changes nothing."""
        first = trace(output_text="first")
        legacy_client.store(first)

        assert outcome(legacy_client.batch({**first, "output_text": "second"})) == FAILED
        assert legacy_client.get(f"/v1/traces/{first['trace_id']}").json()["outputText"] == "first"

    def test_a_known_one_in_a_batch(self, legacy_client: LegacyClient) -> None:
        """What stands before it is stored, what stands after it is not."""
        known, before, after = trace(), trace(), trace()
        legacy_client.store(known)

        assert outcome(legacy_client.batch(before, known, after)) == FAILED
        assert set(legacy_client.ids()) == {known["trace_id"], before["trace_id"]}

    def test_twice_in_one_batch(self, legacy_client: LegacyClient) -> None:
        """The first is stored."""
        one = trace(output_text="first")

        assert outcome(legacy_client.batch(one, {**one, "output_text": "second"})) == FAILED
        assert legacy_client.get(f"/v1/traces/{one['trace_id']}").json()["outputText"] == "first"

    def test_queued_again(self, legacy_client: LegacyClient) -> None:
        """A resend is fine there: the first version stays, and the new ones are stored."""
        known, new = trace(output_text="first"), trace()
        legacy_client.store(known)
        again = {**known, "output_text": "second"}

        queued = {"status": "queued", "count": 3}
        assert outcome(legacy_client.queue(again, again, new)) == (202, queued)
        assert set(legacy_client.ids_when(2)) == {known["trace_id"], new["trace_id"]}
        shown = legacy_client.get(f"/v1/traces/{known['trace_id']}").json()
        assert shown["outputText"] == "first"

    def test_of_another_project(self, legacy_client: LegacyClient, legacy_url: str) -> None:
        """An id is taken for all; a queued upload loses in silence what follows it."""
        other = LegacyClient(legacy_url)
        taken, before, after, later = trace(), trace(), trace(), trace()
        other.store(taken)

        assert outcome(legacy_client.batch(taken)) == FAILED
        assert legacy_client.queue(before, taken, after).status_code == 202
        legacy_client.ids_when(1)
        assert legacy_client.queue(later).status_code == 202
        assert set(legacy_client.ids_when(2)) == {before["trace_id"], later["trace_id"]}
        assert other.ids() == [taken["trace_id"]]
        other.close()


def test_many_senders_at_once(legacy_client: LegacyClient) -> None:
    """Nothing is lost."""

    def send() -> None:
        for _ in range(5):
            legacy_client.store(*[trace() for _ in range(10)])

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(legacy_client.ids()) == 200
