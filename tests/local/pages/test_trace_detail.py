"""The page of one trace, in both forms of the service."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local import legacy_client as legacy
from tests.local.legacy_client import LegacyClient
from tests.local.page_reading import trace_page, words
from tests.local.service_client import FULL, Client, span

EVIL = "</pre></details></style><script>alert(1)</script><img src=x onerror=alert(1)>\" x='"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"
ASK = {"role": "user", "content": "What is the weather?"}
CALL = {
    "role": "assistant",
    "tool_calls": [{"id": "c1", "function": {"name": "look", "arguments": '{"city":"Paris"}'}}],
}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "22 degrees"}
ANSWER = {"role": "assistant", "content": "It is warm."}


def chat(*sent: Any, came_back: Any = None, **attributes: Any) -> dict[str, Any]:
    """The attributes of a chat call with these messages."""
    response = {"choices": [{"message": came_back}]} if came_back else {}
    bodies = {
        "pulse.request": json.dumps({"model": "m", "temperature": 0.5, "messages": sent}),
        "pulse.response": json.dumps(response),
    }
    return {**FULL, "pulse.output_text": "", **bodies, **attributes}


class TestCall:
    def test_it_shows_what_was_sent_and_what_came_back(self, client: Client, url: str) -> None:
        system = {"role": "system", "content": "Be brief."}
        trace = client.only_trace(span(chat(system, ASK, came_back=ANSWER)))
        read = words(trace_page(url, trace["traceId"]))
        assert "Sent system Be brief. user What is the weather?" in read
        assert "Received assistant It is warm. Metadata user u1" in read
        assert "Request parameters temperature 0.5" in read
        for shown in ("Tokens 10 → 5", "Cost < $0.0001", "Latency 10 ms", "Finish reason stop"):
            assert shown in read
        assert '"providerRequestId": "chatcmpl-1"' in read

    def test_in_the_legacy_form(self, legacy_client: LegacyClient, legacy_url: str) -> None:
        body = {"system": "Be brief.", "messages": [ASK], "temperature": 0.5}
        came_back = {"content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text"}]}
        one = legacy.trace(request_body=body, response_body=came_back, metadata={"user": "u1"})
        legacy_client.store(one)
        page = trace_page(legacy_url, one["trace_id"])
        read = words(page)
        assert "Sent system Be brief. user What is the weather?" in read
        assert "Received assistant thinking Hm." in read
        assert "Metadata user u1" in read
        # The trace as it was sent, and nothing that only the page knows.
        raw = json.loads(read.partition("Raw JSON")[2])
        assert raw == legacy_client.get(f"/v1/traces/{one['trace_id']}").json()

    def test_an_error_is_shown(self, client: Client, url: str) -> None:
        error = json.dumps({"message": "No quota.", "name": "RateLimitError", "status": 429})
        failed = span({**chat(ASK), "pulse.error": error}, status={"code": 2})
        read = words(trace_page(url, client.only_trace(failed)["traceId"]))
        assert "No quota. name RateLimitError status 429" in read
        assert "What is the weather?" in read

    def test_an_error_that_was_not_sent(self, client: Client, url: str) -> None:
        trace = client.only_trace(span({}, status={"code": 2}))
        assert "Failed; no error was sent." in trace_page(url, trace["traceId"])

    def test_a_long_conversation_is_folded(self, client: Client, url: str) -> None:
        """All of it is there; its end, and the instructions, can be seen at once."""
        system = {"role": "system", "content": "Be brief."}
        history = [{"role": "user", "content": f"turn {number}."} for number in range(200)]
        trace = client.only_trace(span(chat(system, *history)))
        page = trace_page(url, trace["traceId"])
        before, _, after = page.partition("<details>")
        folded, _, open_end = after.partition("</details>")
        assert "Be brief." in before
        assert "190 earlier messages" in words(folded)
        assert all(f"turn {number}." in folded for number in range(190))
        assert all(f"turn {number}." in open_end for number in range(190, 200))

    def test_everything_is_escaped(self, client: Client, url: str) -> None:
        said = {"role": EVIL, "content": EVIL}
        evil = chat(said, came_back=said, **{"gen_ai.response.model": EVIL})
        evil |= {"pulse.session_id": EVIL, "pulse.metadata": {EVIL: EVIL}, "pulse.error": EVIL}
        evil |= {"gen_ai.provider.name": EVIL, "gen_ai.response.id": EVIL, "pulse.cwd": EVIL}
        tool = {"pulse.kind": "tool_use", "pulse.tool.name": EVIL, "pulse.tool.input": EVIL}
        spans = [span(evil), span({**tool, "pulse.tool.response": EVIL}, start=1, spanId=EVIL)]
        trace = client.only_trace(*({**one, "traceId": EVIL} for one in spans))
        page = trace_page(url, trace["traceId"])
        assert page.count(ESCAPED) > 20
        assert "</style>" not in page

    def test_everything_is_escaped_in_the_legacy_form(
        self, legacy_client: LegacyClient, legacy_url: str
    ) -> None:
        said = {"messages": [{"role": EVIL, "content": EVIL}], EVIL: EVIL}
        texts = dict.fromkeys(("model_requested", "model_used", "output_text"), EVIL)
        one = legacy.trace(
            request_body=said, metadata={EVIL: EVIL}, error={EVIL: EVIL}, status="error", **texts
        )
        legacy_client.store(one)
        page = trace_page(legacy_url, one["trace_id"])
        assert page.count(ESCAPED) > 10
        assert "</style>" not in page


class TestTree:
    def test_a_tool_round_trip(self, client: Client, url: str) -> None:
        tool = {"pulse.kind": "tool_use", "pulse.tool.name": "look", "pulse.tool.response": "22"}
        spans = [
            span(chat(ASK, came_back=CALL), spanId="one", traceId="round trip"),
            span(tool, start=10, parentSpanId="one", spanId="two", traceId="round trip"),
            span(
                chat(ASK, CALL, RESULT, came_back=ANSWER),
                start=20,
                duration=20,
                parentSpanId="one",
                spanId="three",
                traceId="round trip",
            ),
        ]
        client.only_trace(*spans)
        page = trace_page(url, "round trip")
        read = words(page)
        model = "gpt-4o-mini-2024-07-18"
        assert f"llm_call {model} 10 ms tool_use look 10 ms llm_call {model} 20 ms" in read
        assert 'href="#two" style="--depth: 1"' in page
        assert "left: min(25.00%, 100% - 3px); width: 25.00%" in page
        assert 'calls look c1 {"city": "Paris"}' in read
        assert "Received output 22" in read
        # The second call sends what the first one sent, and more.
        assert "1 earlier message user What is the weather? assistant calls look c1" in read
        assert "Received assistant It is warm." in read

    def test_a_notification_has_the_name_of_what_was_done(self, client: Client, url: str) -> None:
        count = {"pulse.kind": "notification", "pulse.event_type": "count_tokens"}
        attributes = {**count, "gen_ai.request.model": "claude-haiku-4-5"}
        client.only_trace(span(attributes, traceId="a count"))
        assert '<h1 dir="auto">count_tokens</h1>' in trace_page(url, "a count")

    def test_spans_that_are_each_others_parents(self, client: Client, url: str) -> None:
        pairs = [("a", "b"), ("b", "a"), ("c", "c"), ("d", "not there")]
        spans = [
            span({}, start=start, spanId=own, parentSpanId=parent, traceId="a knot")
            for start, (own, parent) in enumerate(pairs)
        ]
        client.only_trace(*spans)
        page = trace_page(url, "a knot")
        depths = {"d": 0, "a": 0, "b": 1, "c": 0}
        found = [page.find(f'href="#{own}" style="--depth: {d}"') for own, d in depths.items()]
        assert found == sorted(found)
        assert found[0] > 0

    def test_of_many_spans_one_at_a_time(self, client: Client, url: str) -> None:
        spans = [
            span(chat({"role": "user", "content": f"turn {n}."}), start=n, spanId=f"s/{n}")
            for n in range(60)
        ]
        client.only_trace(*({**one, "traceId": "many"} for one in spans))
        page = trace_page(url, "many")
        assert "turn 49." in page
        assert "turn 50." not in page
        assert 'href="?span=s/55#s/55"' in page
        assert "first 50 of 60 spans" in words(page)
        one = trace_page(url, "many", "?span=s/55")
        assert "turn 55." in one
        assert "turn 54." not in one


class TestWhichTrace:
    def test_one_that_is_not_there_may_be_on_its_way(self, url: str, legacy_url: str) -> None:
        for base in (url, legacy_url):
            page = trace_page(base, f"not here {EVIL}")
            assert '<meta http-equiv="refresh" content="5">' in page
            assert ESCAPED in page

    def test_projects_with_the_same_id_are_kept_apart(self, url: str) -> None:
        """The ids of traces are a project's own (contract §3.2)."""
        for number in (1, 2):
            client = Client(url)
            client.only_trace(
                span(chat(ASK, came_back={**ANSWER, "content": f"no {number}"}), traceId="shared")
            )
            client.close()
        page = trace_page(url, "shared")
        assert page.count("<h1 ") == 2
        assert "no 1" in page
        assert "no 2" in page


@pytest.mark.parametrize("text", ["a\x00b", "\u202eevil", "\ud800", "👨‍👩‍👧", "a\u2028b"])
def test_odd_characters(client: Client, url: str, text: str) -> None:
    """Each block of text has a direction of its own: what one contains turns nothing else."""
    said = {"role": "user", "content": text}
    trace = client.only_trace(span(chat(said, came_back=said)))
    assert '<div class="part text" dir="auto">' in trace_page(url, trace["traceId"])
