"""The pages of sessions: the list, and a session read as one conversation."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest
import requests

from pulse_otel.local.service.app import create_app
from pulse_otel.local.serving import serving
from tests.local.legacy_client import LegacyClient, trace
from tests.local.page_reading import page, words
from tests.local.service_client import TIMEOUT_S, Client, span

SAID = "You are short."


def call(session: str, messages: list[dict[str, Any]], answer: str, **more: Any) -> dict[str, Any]:
    """The span of a call that sends `messages` and gets `answer`."""
    response = {"choices": [{"message": {"role": "assistant", "content": answer}}]}
    found = {
        "pulse.kind": "llm_call",
        "pulse.session_id": session,
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "pulse.cost_cents": 0.5,
        "pulse.request": json.dumps({"messages": messages}),
        "pulse.response": json.dumps(response),
        "pulse.user_id": more.pop("user", "ada"),
    }
    return span(found, **more)


def turn(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


def new_session() -> str:
    return f"chat-{uuid.uuid4().hex}"


def rows(markup: str) -> dict[str, list[str]]:
    """The cells of each session in the list: time, session, question, figures, users."""
    found = [
        [words(f"<td{cell}") for cell in row.split("<td")[1:]]
        for row in markup.partition("<tbody>")[2].partition("</tbody>")[0].split("<tr>")[1:]
    ]
    return {cells[1]: cells for cells in found}


class TestList:
    def test_a_session_has_its_figures_users_and_first_question(
        self, client: Client, url: str
    ) -> None:
        session = new_session()
        asked = [turn("system", SAID), turn("user", "Where is my order?")]
        client.send(
            call(session, asked, "On its way.", start=60_000),
            call(session, [turn("user", "Later")], "Yes.", start=120_000, user="bob"),
            call(session, [turn("user", "Never")], "", start=180_000, status={"code": 2}),
        )
        client.stored(3)
        (cells,) = [
            found for name, found in rows(page(f"{url}/sessions")).items() if name == session
        ]
        assert cells == [
            "2023-11-14 22:16", session, "Where is my order?", "3", "1", "30 → 15", "$0.0150",
            "ada, bob",
        ]  # fmt: skip

    def test_a_trace_without_a_session_is_no_session(self, client: Client, url: str) -> None:
        client.send(span({"pulse.kind": "llm_call"}, traceId="alone"))
        client.stored(1)
        assert "alone" not in page(f"{url}/sessions")

    def test_every_session_is_on_one_page_of_the_list(self) -> None:
        with serving(create_app()) as url:
            client = Client(url)
            names = {f"s{n}" for n in range(120)}
            # Half of them at the same moment.
            client.send(
                *(call(name, [turn("user", name)], "", start=int(name[1:]) // 2) for name in names)
            )
            client.stored(120)
            client.close()
            address, seen = f"{url}/sessions", []
            while address:
                text = page(address)
                seen.append([*rows(text)])
                links = re.search(r'<a href="(\?older=[^"]*)"', text)
                address = f"{url}/sessions{links[1]}" if links else ""
            newer = re.search(r'<a href="(\?newer=[^"]*)"', text)
            assert newer
            before = [*rows(page(f"{url}/sessions{newer[1]}"))]
        assert [len(found) for found in seen] == [50, 50, 20]
        assert {name for found in seen for name in found} == names
        assert before == seen[1]

    @pytest.mark.parametrize("key", ["x", "1", "99999999999999999999_1", "'_1", "1_-1"])
    def test_a_bad_key_is_the_first_page(self, url: str, key: str) -> None:
        assert page(f"{url}/sessions?older={key}") == page(f"{url}/sessions")


class TestConversation:
    def test_it_shows_each_turn_once_in_order_each_trace_a_link(
        self, client: Client, url: str
    ) -> None:
        session = new_session()
        history = [turn("system", SAID), turn("user", "One?")]
        second = [*history, turn("assistant", "Uno."), turn("user", "Two?")]
        # The program sends an answer back in other words, and leaves the first turns out.
        third = [turn("system", SAID), turn("assistant", "dos"), turn("user", "Three?")]
        client.send(
            call(session, third, "Tres.", start=3000, traceId="third/trace"),
            call(session, history, "Uno.", start=1000),
            call(session, second, "Dos.", start=2000),
        )
        client.stored(3)
        text = page(f"{url}/sessions/{session}")
        said = [
            words(one) for one in re.findall(r'<div class="part text"[^>]*>(.*?)</div>', text, re.S)
        ]
        assert said == [SAID, "One?", "Uno.", "Two?", "Dos.", "Three?", "Tres."]
        assert "/dashboard/traces/third%2Ftrace" in text
        assert "Traces 3 Errors 0 Tokens 30 → 15 Cost $0.0150 Users ada" in words(text)

    def test_an_error_and_a_tool_are_read_where_they_happened(
        self, client: Client, url: str
    ) -> None:
        session = new_session()
        failed = call(session, [turn("user", "Why?")], "", start=1000, status={"code": 2})
        tool = span(
            {
                "pulse.kind": "tool_use",
                "pulse.session_id": session,
                "pulse.tool.name": "look",
                "pulse.tool.input": '{"at": "stars"}',
            },
            start=2000,
        )
        client.send(failed, tool)
        client.stored(2)
        text = words(page(f"{url}/sessions/{session}"))
        assert text.index("Why?") < text.index("Failed; no error was sent") < text.index("stars")
        assert "tool_use look" in text

    def test_a_long_session_has_pages_that_have_each_trace_once(
        self, client: Client, url: str
    ) -> None:
        session = new_session()
        client.send(
            *(call(session, [turn("user", f"Question {n}.")], "", start=n // 3) for n in range(60))
        )
        client.stored(60)
        address, seen = f"{url}/sessions/{session}", []
        while address:
            text = page(address)
            seen.append(re.findall(r"Question \d+\.", text))
            later = re.search(r'<a href="(\?later=[^"]*)"', text)
            address = f"{url}/sessions/{session}{later[1]}" if later else ""
        earlier = re.search(r'<a href="(\?earlier=[^"]*)"', text)
        assert earlier
        before = re.findall(r"Question \d+\.", page(f"{url}/sessions/{session}{earlier[1]}"))
        assert [len(found) for found in seen] == [25, 25, 10]
        assert len({name for found in seen for name in found}) == 60
        assert before == seen[1]

    def test_whatever_a_program_sends_is_text(self, client: Client, url: str) -> None:
        session = f'</title><script src="//evil">/{uuid.uuid4().hex}'
        client.send(call(session, [turn("user", "<b class=x>")], "<img src=x>", user="<i>"))
        client.stored(1)
        (row,) = [row for name, row in rows(page(f"{url}/sessions")).items() if name == session]
        assert row[2] == "<b class=x>"
        text = page(f"{url}/sessions/{requests.utils.quote(session, safe='')}")
        assert "<b class=x>" in words(text)
        assert f"Session {session}" in words(text)

    def test_an_unknown_session_is_a_404_that_looks_again(self, url: str) -> None:
        answer = requests.get(f"{url}/sessions/none", timeout=TIMEOUT_S)
        assert answer.status_code == 404
        assert "No such session" in answer.text
        assert 'http-equiv="refresh"' in answer.text


def test_the_legacy_form_has_the_same_pages(legacy_client: LegacyClient, legacy_url: str) -> None:
    session = str(uuid.uuid4())
    body = {"messages": [turn("user", "Old question?")]}
    legacy_client.store(
        trace(
            session_id=session,
            request_body=body,
            output_text="Old answer.",
            metadata={"user_id": "eve"},
        )
    )
    (row,) = [row for name, row in rows(page(f"{legacy_url}/sessions")).items() if name == session]
    assert row[2] == "Old question?"
    assert row[-1] == "eve"
    text = words(page(f"{legacy_url}/sessions/{session}"))
    assert text.index("Old question?") < text.index("Old answer.")
