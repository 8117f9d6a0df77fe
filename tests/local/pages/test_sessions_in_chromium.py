"""Sessions and the overview in a real browser: a phone, both colour schemes, a keyboard."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pulse_otel.local.service.app import create_app
from pulse_otel.local.serving import serving
from tests.local.chromium import Page
from tests.local.pages.test_sessions import call, turn
from tests.local.service_client import START_MS, Client

LONG = "All that can be said about it, " * 200
PATHS = ("/sessions", "/sessions/chat-1", "/overview", "/overview?range=all")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A service with a conversation of three calls, which began an hour ago."""
    with serving(create_app()) as base:
        client = Client(base)
        start = time.time_ns() // 1_000_000 - START_MS - 3_600_000
        messages: list[dict[str, Any]] = []
        for n, answer in enumerate(("Hello.", LONG, "Bye.")):
            messages.append(turn("user", f"Question {n}?"))
            at = start + n * 60_000
            client.send(call("chat-1", messages, answer, start=at, traceId=f"trace-{n}"))
            messages = [*messages, turn("assistant", answer)]
        client.stored(3)
        client.close()
        yield base


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_no_page_is_wider_than_the_window(page: Page, url: str, path: str, width: int) -> None:
    page.window(width)
    page.open(url + path)
    assert page.run("document.documentElement.scrollWidth") <= width


# The contrast of a colour on what is behind it, after WCAG.
CONTRAST = """(selector, property) => {
  const rgb = (color) => color.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => { const [x, y, z] = [r, g, b].map((v) =>
    (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z; };
  const element = document.querySelector(selector);
  let behind = element;
  while (rgb(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
  const a = light(rgb(getComputedStyle(element)[property]));
  const b = light(rgb(getComputedStyle(behind).backgroundColor));
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    ("selector", "color", "least"),
    [(".plot text", "fill", 4.5), (".plot rect", "fill", 3), (".plot path.series-2", "stroke", 3)],
)
def test_a_plot_can_be_read_in_the_light_and_in_the_dark(
    page: Page, url: str, dark: bool, selector: str, color: str, least: float
) -> None:
    page.window(390, dark=dark)
    page.open(f"{url}/overview")
    assert page.run(f"({CONTRAST})({json.dumps(selector)}, {json.dumps(color)})") >= least


def test_labels_of_a_plot_stay_inside_of_it(page: Page, url: str) -> None:
    page.open(f"{url}/overview?range=1h")
    outside = """[...document.querySelectorAll("svg text")].filter((text) => {
      const [a, b] = [text.getBoundingClientRect(), text.ownerSVGElement.getBoundingClientRect()];
      return a.left < b.left - 1 || a.right > b.right + 1 || a.bottom > b.bottom + 1;
    }).map((text) => text.textContent)"""
    assert page.run(outside) == []


def test_a_session_is_read_as_one_conversation(page: Page, url: str) -> None:
    page.open(url)
    page.follow(".who .name")
    text = page.text("main")
    places = [text.index(f"Question {n}?") for n in range(3)]
    assert places == sorted(places)
    assert text.count("Hello.") == text.count("Bye.") == 1
    assert page.run("document.querySelector('.answer details.long').open") is False
    page.run("document.querySelector('.answer details.long > summary').click()")
    assert page.run("document.querySelector('.answer details.long').innerText").count("All") >= 200
    page.follow(".exchange h2 a")
    assert "/dashboard/traces/trace-0" in page.run("location.pathname")


@pytest.mark.parametrize(("path", "keys"), [("/", ("j", "Tab")), ("/sessions", ("j",))])
def test_a_session_is_opened_by_the_keyboard(
    page: Page, url: str, path: str, keys: tuple[str, ...]
) -> None:
    page.open(url + path)
    for key in keys:
        page.press(key)
    page.enter()
    assert page.text("h1") == "Session chat-1"


def test_a_range_is_chosen_by_the_keyboard(page: Page, url: str) -> None:
    page.open(f"{url}/overview")
    for _ in range(20):
        page.press("Tab")
        if page.run("document.activeElement.innerText") == "7 days":
            break
    page.enter()
    assert page.run("location.search") == "?range=7d"
    assert page.text(".ranges [aria-current]") == "7 days"
