"""The list of traces of the development trace service, and its database file."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from pulse_otel.local.pages.formatting import DASH
from pulse_otel.local.service import app as service
from pulse_otel.local.serving import serving
from tests.local.page_reading import cells, page, words
from tests.local.service_client import FULL, SESSION, Client, span

ANSWER = {**FULL, "pulse.output_text": "It is sunny."}
ASKS_FOR_TOOL = {
    **{key: value for key, value in FULL.items() if key != "pulse.output_text"},
    "pulse.response": '{"content":[{"type":"tool_use","id":"t","name":"look","input":{}}]}',
}
UNPRICED = {key: value for key, value in FULL.items() if key != "pulse.cost_cents"}
FAILED = {
    "pulse.kind": "llm_call",
    "gen_ai.request.model": "gpt-5",
    "pulse.error": '{"message":"no quota"}',
}


class TestList:
    def test_it_shows_all_projects_and_escapes_what_they_sent(
        self, client: Client, url: str
    ) -> None:
        client.only_trace(span({**FULL, "pulse.output_text": "<script>alert(1)</script> " * 20}))
        listed = page(f"{url}/")
        assert "&lt;script&gt;alert(1)" in listed
        for shown in ("gpt-4o-mini-2024-07-18", "10 → 5", "&lt; $0.0001", "10 ms", SESSION):
            assert shown in listed

    @pytest.mark.parametrize(
        ("spans", "tokens", "cost", "answer"),
        [
            ([span(FULL)], "10 → 5", "< $0.0001", "Hello"),
            ([span({**FULL, "pulse.cost_cents": 0.0})], "10 → 5", "$0.0000", "Hello"),
            ([span(UNPRICED)], "10 → 5", DASH, "Hello"),
            ([span(FAILED, status={"code": 2})], DASH, DASH, "error no quota"),
            ([span({})], DASH, DASH, DASH),
            ([span(ASKS_FOR_TOOL)], "10 → 5", "< $0.0001", "calls look"),
            ([span(ASKS_FOR_TOOL), span(ANSWER, start=5)], "20 → 10", "< $0.0001", "It is sunny."),
            ([span(FULL), span(UNPRICED, start=5)], "20 → 10", "≥ $0.0000", "Hello"),
        ],
    )
    def test_what_is_unknown_is_a_dash(
        self,
        client: Client,
        url: str,
        spans: list[dict[str, Any]],
        tokens: str,
        cost: str,
        answer: str,
    ) -> None:
        """It is not a zero; and the answer is the last one."""
        trace_id = f"{cost[-1]} {answer} {len(spans)}"
        client.only_trace(*({**one, "traceId": trace_id} for one in spans))
        row = cells(page(url), trace_id)
        assert (row[1], row[3], row[4]) == (f"{DASH} {answer}", tokens, cost)

    @pytest.mark.parametrize(
        ("attributes", "shown"), [({}, DASH), ({"pulse.session_id": "s"}, "s")]
    )
    def test_a_call_without_a_session(
        self, client: Client, url: str, attributes: dict[str, Any], shown: str
    ) -> None:
        """The service takes the trace's id for it (contract §3.3); nobody chose that."""
        trace = client.only_trace(span(attributes))
        assert cells(page(url), trace["traceId"])[6] == shown

    @pytest.mark.parametrize("trace_id", ["a" * 32, "my trace!", 'a/b?c#d%2F"<i>', "שלום"])
    def test_a_row_leads_to_its_trace(self, client: Client, url: str, trace_id: str) -> None:
        client.only_trace(span(FULL, traceId=trace_id))
        links = [
            html.unescape(link) for link in re.findall('<a class="open" href="(/[^"]*)"', page(url))
        ]
        assert any(trace_id in words(page(url + link)) for link in links)

    @pytest.mark.parametrize("path", ["/", "/dashboard", "/v1x"])
    def test_any_other_get_is_the_page(self, path: str) -> None:
        with serving(service.create_app()) as base:
            listed = page(base + path)
            assert "No traces yet" in listed
            assert f"curl {base}/v1/traces" in listed
            example = html.unescape(listed).partition("-d '")[2].partition("'")[0]
            client = Client(base)
            assert client.post(example.encode()).json() == {}
            client.close()


def test_a_database_file_outlives_the_service(tmp_path: Any) -> None:
    path = str(tmp_path / "spans.db")
    with serving(service.create_app(path)) as base:
        client = Client(base)
        client.send(span(traceId="t"))
        client.stored(1)
    with serving(service.create_app(path)) as base:
        client.url = base
        assert client.trace("t")["traceId"] == "t"
    client.close()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "The totals are of the latest 3 traces that were looked at; the pages lead to all."),
        ("?sort=cost", "the pages lead to all"),
        ("?q=sunny", "the 3 traces with these words that were stored last"),
        ("?provider=openai&sort=cost", "The list and the totals are of the latest 3 traces"),
        ("?provider=none", "No trace is like this"),
    ],
)
def test_a_list_says_what_it_leaves_out(
    query: str, said: str, client: Client, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("pages", "storage"):
        monkeypatch.setattr(f"pulse_otel.local.{place}.trace_list.MOST", 3)
    client.send(*(span(ANSWER, traceId=f"one of more {n}") for n in range(4)))
    client.stored(4)
    text = words(page(f"{url}/{query}"))
    assert said in text
    assert ("looked at" in text or "stored last" in text) == (query != "?provider=none")
