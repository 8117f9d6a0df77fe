"""The read routes of the development trace service (contract §3.5)."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import quote

import pytest

from tests.local.service_client import FULL, SESSION, START_MS, Client, span


class TestReads:
    def test_paging_newest_first(self, client: Client) -> None:
        client.send(*[span(traceId=f"t{i}", start=i) for i in range(5)])
        client.stored(5)
        pages = [client.get("/v1/traces", limit=2, offset=offset).json() for offset in (0, 2, 4)]
        assert [[t["traceId"] for t in page["traces"]] for page in pages] == [
            ["t4", "t3"], ["t2", "t1"], ["t0"],
        ]  # fmt: skip
        assert {(p["total"], p["limit"]) for p in pages} == {(5, 2)}
        default = client.get("/v1/traces").json()
        assert (default["limit"], default["offset"], len(default["traces"])) == (100, 0, 5)
        spans = client.get("/v1/spans", limit=1, offset=1).json()
        assert [one["traceId"] for one in spans["spans"]] == ["t3"]

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({}, ["b", "a"]),
            ({"unknown": "x"}, ["b", "a"]),
            ({"session_id": SESSION}, ["a"]),
            ({"provider": "openai"}, ["a"]),
            ({"provider": "azure.ai.openai"}, []),
            ({"provider": "sdk"}, ["b"]),
            ({"model": "gpt-4o-mini"}, ["a"]),
            ({"model": "gpt-4o-mini-2024-07-18"}, []),
            ({"model": "unknown"}, ["b"]),
            ({"model": "", "provider": "", "service": "", "date_from": ""}, ["b", "a"]),
            ({"service": "app"}, []),
            ({"source": "codex"}, ["b"]),
            ({"status": "error"}, ["b"]),
            ({"status": "success"}, ["a"]),
            ({"date_from": "2023-11-15"}, ["b"]),
            ({"date_to": "2023-11-14"}, ["a"]),
            ({"date_from": "2023-11-14", "date_to": "2023-11-15"}, ["b", "a"]),
            ({"date_from": "2023-11-14T22:13:20.001Z"}, ["b"]),
            ({"date_from": "2023-11-14T23:13:20+01:00"}, ["b", "a"]),
            ({"date_to": START_MS}, ["a"]),
            ({"date_to": START_MS // 1000}, ["a"]),
        ],
    )
    def test_trace_filters(
        self, client: Client, query: dict[str, Any], expected: list[str]
    ) -> None:
        other = {"gen_ai.provider.name": "azure.ai.openai", "pulse.source": "codex"}
        client.send(
            span(FULL, traceId="a"),
            span({**other, "pulse.event_type": "x"}, traceId="b", start=86_400_000),
            span(traceId="b", start=86_400_001, status={"code": 2}),
        )
        client.stored(3)
        found = client.get("/v1/traces", **query).json()
        assert [trace["traceId"] for trace in found["traces"]] == expected
        assert found["total"] == len(expected)
        assert all(trace["spanCount"] == (2 if trace["traceId"] == "b" else 1)
                   for trace in found["traces"])  # fmt: skip

    def test_hidden_event_types_make_no_trace_in_the_list(self, client: Client) -> None:
        client.send(
            span({"pulse.event_type": "session_start", "pulse.kind": "session"}, traceId="a"),
            span({"pulse.event_type": "session_end", "pulse.kind": "session"}, traceId="b"),
            span(traceId="b"),
        )
        client.stored(3)
        found = client.get("/v1/traces").json()
        assert ([trace["traceId"] for trace in found["traces"]], found["total"]) == (["b"], 1)
        assert client.trace("a")["traceId"] == "a"

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ({"session_id": "my session"}, 1),
            ({"trace_id": "t"}, 2),
            ({"kind": "tool_use"}, 1),
            ({"tool_name": "search"}, 1),
            ({"status": "error"}, 1),
            ({"service": "app"}, 3),
            ({"source": "codex"}, 0),
            ({"trace_id": "t", "status": "success"}, 1),
        ],
    )
    def test_span_filters(self, client: Client, query: dict[str, str], count: int) -> None:
        client.send(
            span({"pulse.session_id": "my session"}, traceId="t"),
            span({"pulse.kind": "tool_use"}, traceId="t", name="search", status={"code": 2}),
            span(),
            resource={"service.name": "app"},
        )
        client.stored(3)
        found = client.get("/v1/spans", **query).json()
        assert (found["total"], len(found["spans"])) == (count, count)

    def test_one_span(self, client: Client) -> None:
        client.send(span(spanId="a/b c", traceId="t"))
        client.stored(1)
        assert client.get(f"/v1/spans/{quote('a/b c', safe='')}").json()["traceId"] == "t"

    @pytest.mark.parametrize("session", [SESSION, "my session", "a/b?c=%20&ü", "x/spans"])
    def test_a_session_of_any_name(self, client: Client, session: str) -> None:
        client.send(
            span({"pulse.session_id": session}, traceId="late", start=5),
            span({"pulse.session_id": session}, traceId="early", start=1),
            span({"pulse.session_id": "other"}, traceId="early", start=2),
        )
        client.stored(3)
        path = f"/v1/sessions/{quote(session, safe='')}"
        found = client.get(path).json()
        assert found["sessionId"] == session
        # Only the spans that name the session, oldest trace first.
        assert [t["traceId"] for t in found["traces"]] == ["early", "late"]
        assert [t["spanCount"] for t in found["traces"]] == [1, 1]
        spans = client.get(f"{path}/spans").json()["spans"]
        assert [one["traceId"] for one in spans] == ["early", "late"]

    def test_many_senders_at_once(self, client: Client) -> None:
        def send() -> None:
            for _ in range(5):
                client.send(*[span() for _ in range(10)])

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client.stored(200)
