"""The pages in a real browser: three tasks, what arrives, keys, copies, a phone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pulse_otel.local.service.app import create_app
from pulse_otel.local.serving import serving
from tests.local.chromium import Page
from tests.local.service_client import FULL, START_MS, Client, span

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HOUR_MS = 3_600_000


@pytest.fixture
def service() -> Iterator[Client]:
    with serving(create_app()) as url:
        client = Client(url)
        yield client
        client.close()


def call(question: Any, answer: str, *, ago_ms: int = 0, user: str = "u", **more: Any) -> Any:
    """A call that began so long ago."""
    now = time.time_ns() // 1_000_000 - START_MS
    request = {"model": "m", "messages": [{"role": "user", "content": question}]}
    attributes = {
        **FULL,
        "pulse.user_id": user,
        "pulse.request": json.dumps(request),
        "pulse.output_text": answer,
        **more.pop("attributes", {}),
    }
    return span(attributes, start=now - ago_ms, **more)


def failed(question: str, error: str, **more: Any) -> Any:
    attributes = {"pulse.error": json.dumps({"message": error}), "pulse.output_text": ""}
    return call(question, "", attributes=attributes, status={"code": 2}, **more)


def test_the_error_of_an_hour_ago_for_one_user(page: Page, service: Client) -> None:
    service.send(
        failed("Where is my order?", "Rate limit reached", user="ada", ago_ms=HOUR_MS),
        failed("And mine?", "No quota", user="bob", ago_ms=HOUR_MS),
        failed("Last week?", "Overloaded", user="ada", ago_ms=100 * HOUR_MS),
        *(call(f"Question {n}", "Fine", user="ada", ago_ms=n) for n in range(60)),
    )
    service.stored(63)
    page.open(service.url)
    page.run("document.querySelector('[name=user]').value = 'ada'")
    page.run("document.querySelector('[name=time]').value = '2h'")
    page.run("document.querySelector('[name=status]').value = 'error'")
    page.follow("form.filters > button")
    assert page.text(".totals").startswith("1 trace 1 failed, 100.0 %")
    assert "Rate limit reached" in page.text("tbody")
    page.follow("td .open")
    assert page.text("h1") == "Where is my order?"
    assert "Rate limit reached" in page.text(".alert")


def test_the_dearest_call_of_today(page: Page, service: Client) -> None:
    dear = {"pulse.cost_cents": 70.5}
    service.send(
        call(
            "Dearest, but long ago", "x", ago_ms=50 * HOUR_MS, attributes={"pulse.cost_cents": 99}
        ),
        *(call(f"Question {n}", "Fine", ago_ms=n) for n in range(60)),
        call("The dear one", "x", attributes=dear),
    )
    service.stored(62)
    page.open(service.url)
    page.run("document.querySelector('[name=sort]').value = 'cost'")
    page.run("document.querySelector('[name=time]').value = 'today'")
    page.follow("form.filters > button")
    assert "The dear one" in page.text("tbody tr")
    assert "$0.7050" in page.text("tbody tr")


def test_the_traces_of_a_session_are_one_click_away(page: Page, service: Client) -> None:
    service.send(
        *(
            call(f"Q{n}", "A", attributes={"pulse.session_id": f"chat-user-0000000000-{n}"})
            for n in (1, 2)
        )
    )
    service.stored(2)
    page.open(service.url)
    names = page.run("[...document.querySelectorAll('.who .name')].map(a => a.innerText)")
    assert len({name for name in names if name.startswith("chat")}) == 2
    assert page.run("document.querySelector('.who .name').getAttribute('href')").startswith(
        "/sessions/chat-user-"
    )


def test_a_new_call_appears_marked_and_the_page_is_not_loaded_again(
    page: Page, service: Client
) -> None:
    service.send(call("The first", "A"))
    service.stored(1)
    page.open(service.url)
    page.run("document.body.dataset.kept = 1")
    service.send(call("The second", "B", ago_ms=-5))
    page.until("document.querySelectorAll('tbody tr').length === 2")
    assert "The second" in page.text("tr.new")
    assert "The first" in page.text("tbody tr:not(.new)")
    assert page.run("document.body.dataset.kept") == "1"
    assert page.text("#live") == "1 new since this page was opened"


def test_a_trace_that_gets_another_span_changes_its_row(page: Page, service: Client) -> None:
    service.send(call("Ask", "Let me see", traceId="grows"))
    service.stored(1)
    page.open(service.url)
    service.send(call("Ask", "It is done", traceId="grows", ago_ms=-5))
    page.until("document.querySelector('tr.new')")
    assert page.run("document.querySelectorAll('tbody tr').length") == 1
    assert "Ask It is done" in page.text("tr.new")


def test_what_does_not_match_the_filter_does_not_arrive(page: Page, service: Client) -> None:
    service.send(call("One", "A", user="ada"))
    service.stored(1)
    page.open(f"{service.url}/?user=ada")
    service.send(call("Other", "B", user="bob"), call("Two", "B", user="ada"))
    page.until("document.querySelector('tr.new')")
    assert page.run("document.querySelectorAll('tbody tr').length") == 2


def test_an_empty_page_shows_the_first_trace_when_it_comes(page: Page, service: Client) -> None:
    page.open(service.url)
    assert "No traces yet" in page.text()
    service.send(call("Hello?", "Hi"))
    page.until("document.querySelector('td.words')")
    assert "Hello?" in page.text("tbody")


def test_a_keyboard_is_enough(page: Page, service: Client) -> None:
    service.send(call("Find the needle", "A"), call("Hay", "B"))
    service.stored(2)
    page.open(service.url)
    page.press("/")
    page.type("needle")
    page.enter()
    assert page.run("location.search") == "?q=needle"
    assert page.run("document.querySelectorAll('tbody tr').length") == 1
    page.press("j")
    page.enter()
    assert page.text("h1") == "Find the needle"


def test_pages_lead_to_every_trace_and_back(page: Page, service: Client) -> None:
    service.send(*(call(f"Number {n}.", "A", ago_ms=n) for n in range(120)))
    service.stored(120)
    page.open(service.url)
    seen = [page.run(ROWS)]
    for _ in range(2):
        page.follow("a[rel=next]")
        seen.append(page.run(ROWS))
    assert [len(rows) for rows in seen] == [50, 50, 20]
    assert len({row for rows in seen for row in rows}) == 120
    assert page.run("document.querySelector('a[rel=next]')") is None
    page.follow("a[rel=prev]")
    assert page.run(ROWS) == seen[1]
    page.follow("a[rel=prev]")
    assert page.run(ROWS) == seen[0]
    assert page.run("document.querySelector('a[rel=prev]')") is None


ROWS = "[...document.querySelectorAll('tbody tr')].map(row => row.dataset.trace)"


def test_next_and_previous_stay_in_the_filtered_list(page: Page, service: Client) -> None:
    users = ["ada", "bob", "ada", "bob", "ada"]
    service.send(*(call(f"Of {u} {n}", "A", user=u, ago_ms=n) for n, u in enumerate(users)))
    service.stored(5)
    page.open(f"{service.url}/?user=ada")
    page.follow("td .open")
    titles = [page.text("h1")]
    for _ in range(2):
        page.follow("a[rel=next]")
        titles.append(page.text("h1"))
    assert titles == ["Of ada 0", "Of ada 2", "Of ada 4"]
    assert page.run("document.querySelector('a[rel=next]')") is None
    page.follow("a[rel=prev]")
    assert page.text("h1") == "Of ada 2"


def test_a_recorded_image_is_shown(page: Page, service: Client) -> None:
    url = f"data:image/png;base64,{PIXEL}"
    content = [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": url}}]
    trace = service.only_trace(call(content, "A pixel"))
    page.open(f"{service.url}/dashboard/traces/{trace['traceId']}")
    page.until("document.querySelector('.part img').complete")
    assert page.run("document.querySelector('.part img').naturalWidth") == 1


def test_a_long_text_is_folded(page: Page, service: Client) -> None:
    trace = service.only_trace(call("Long", "begin " + "word " * 2000 + "the end"))
    page.open(f"{service.url}/dashboard/traces/{trace['traceId']}")
    assert "the end" not in page.text(".answer")
    page.run("document.querySelector('.answer summary').click()")
    assert page.text(".answer").endswith("the end")


@pytest.mark.parametrize(
    ("button", "begins"),
    [("json", '{ "spanId"'), ("curl", "curl "), ("python", "from openai import OpenAI")],
)
def test_a_button_copies(page: Page, service: Client, button: str, begins: str) -> None:
    trace = service.only_trace(call("Hello?", "Hi"))
    page.open(f"{service.url}/dashboard/traces/{trace['traceId']}")
    page.run("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.run(f"document.querySelector('[data-copy$={button}]').click()")
    page.until("document.querySelector('.copies').innerText.includes('Copied')")
    assert " ".join(page.run("window.copied").split()).startswith(begins)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(page: Page, service: Client, width: int) -> None:
    tool = {"pulse.kind": "tool_use", "pulse.tool.name": "look" * 40}
    long = {"pulse.session_id": "s" * 300, "gen_ai.response.model": "m" * 300}
    spans = [
        call("word" * 200, "answer " * 50, traceId="wide", spanId="a", attributes=long),
        span(tool, traceId="wide", parentSpanId="a"),
    ]
    service.only_trace(*spans)
    page.window(width)
    for path in ("/", "/?cost=0.0001&user=u", "/dashboard/traces/wide"):
        page.open(service.url + path)
        overflow = page.run("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, path
