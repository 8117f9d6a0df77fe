"""The overview: figures and plots of calls over time, tables by model and provider."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from pulse_otel.local.pages import charts
from pulse_otel.local.service.app import create_app
from pulse_otel.local.service.legacy.app import create_legacy_app
from pulse_otel.local.serving import serving
from pulse_otel.local.storage import retention
from tests.local.legacy_client import LegacyClient, trace
from tests.local.page_reading import page, words
from tests.local.service_client import START_MS, Client, span

SVG = "{http://www.w3.org/2000/svg}"
NAMES = ["Requests", "Errors", "Cost", "Tokens", "Latency"]


@pytest.fixture
def service() -> Iterator[Client]:
    """A service of its own: the overview shows all projects."""
    with serving(create_app()) as url:
        client = Client(url)
        yield client
        client.close()


def call(ago_ms: int, model: str = "m1", provider: str = "openai", **more: Any) -> dict[str, Any]:
    """A call that started `ago_ms` ago."""
    found = {
        "pulse.kind": "llm_call",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 50,
        "pulse.cost_cents": 2.0,
    }
    start = time.time_ns() // 1_000_000 - START_MS - ago_ms
    return span(found, start=start, **more)


def overview(client: Client, chosen: str = "24h") -> str:
    return page(f"{client.url}/overview?range={chosen}")


def plots(markup: str) -> dict[str, ElementTree.Element]:
    """The plots by their titles; each is well-formed XML."""
    found = [
        ElementTree.fromstring(one.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))
        for one in re.findall(r"<svg .*?</svg>", markup, re.S)
    ]
    return {one.findtext(f"{SVG}title") or "": one for one in found}


def titles(plot: ElementTree.Element) -> list[str]:
    return [bar.findtext(f"{SVG}title") or "" for bar in plot.iter(f"{SVG}rect")]


def table(markup: str, name: str) -> list[list[str]]:
    body = markup.partition(f'aria-label="By {name}"')[2].partition("<tbody>")[2]
    rows = body.partition("</tbody>")[0].split("<tr>")[1:]
    return [[words(f"<t{cell}") for cell in re.split("<t(?=[dh])", row)[1:]] for row in rows]


HOUR, DAY = 3_600_000, 86_400_000


def test_it_adds_up_the_calls_of_the_range_and_no_others(service: Client) -> None:
    service.send(
        call(60_000, duration=100),
        call(2 * HOUR, "m2", duration=200, status={"code": 2}),
        call(3 * DAY, provider="anthropic"),
        span({"pulse.kind": "tool_use"}, start=time.time_ns() // 1_000_000 - START_MS),
    )
    service.stored(4)
    text = overview(service)
    assert "Requests 2 Errors 1 (50.0%) Cost $0.0400 Tokens, in → out 2,000 → 100" in words(text)
    assert sorted(row[:3] for row in table(text, "model")) == [
        ["m1 openai", "1", "0"],
        ["m2 openai", "1", "1 (100.0%)"],
    ]
    assert [row[:2] for row in table(text, "provider")] == [["openai", "2"]]
    assert [row[1] for row in table(overview(service, "7d"), "provider")] == ["2", "1"]


@pytest.mark.parametrize(
    ("chosen", "ago", "steps"),
    [("1h", 50 * 60_000, 12), ("24h", 20 * HOUR, 24), ("7d", 6 * DAY, 28), ("30d", 28 * DAY, 30)],
)
def test_a_range_has_its_steps_and_a_call_its_bar(
    service: Client, chosen: str, ago: int, steps: int
) -> None:
    service.send(call(ago), call(0), call(40 * DAY))
    service.stored(3)
    text = overview(service, chosen)
    found = plots(text)
    assert list(found) == NAMES
    bars = [*found["Requests"].iter(f"{SVG}rect")]
    assert len(bars) == 2
    first, last = (float(bar.attrib["x"]) for bar in bars)
    width = (charts.RIGHT - charts.LEFT) / steps
    begin = (first - width * 0.1 - charts.LEFT) / width
    assert begin == pytest.approx(round(begin), abs=0.02)
    assert charts.LEFT <= first < charts.LEFT + 0.25 * steps * width
    assert last == pytest.approx(charts.RIGHT - width * 0.9, abs=0.1)


def test_all_time_has_a_few_wide_steps_however_long_it_is(service: Client) -> None:
    service.send(call(0), call(5000 * DAY))
    service.stored(2)
    text = overview(service, "all")
    assert "Requests 2 " in words(text)
    assert len(titles(plots(text)["Requests"])) == 2
    assert "a bar is 84 days" in words(text)


def test_a_plot_says_its_values_to_those_who_do_not_see_it(service: Client) -> None:
    service.send(call(0), call(0), call(2 * HOUR))
    service.stored(3)
    found = plots(overview(service))
    for name, plot in found.items():
        assert plot.attrib["role"] == "img"
        ids = plot.attrib["aria-labelledby"].split()
        assert [plot.find(f".//*[@id='{one}']") is not None for one in ids] == [True, True]
        assert "at most" in (plot.findtext(f"{SVG}desc") or "") or name == "Errors"
    assert [text.split(": ")[1] for text in titles(found["Requests"])] == ["1", "2"]
    assert [text.split(": ")[1] for text in titles(found["Tokens"])] == [
        "1k input", "50 output", "2k input", "100 output",
    ]  # fmt: skip


def test_unknown_costs_and_latencies_are_said_to_be_unknown(service: Client) -> None:
    free = call(0)
    free["attributes"] = [one for one in free["attributes"] if "cost" not in one["key"]]
    service.send(free, call(0), call(0, endTimeUnixNano=None))
    service.stored(3)
    assert "Cost ≥ $0.0400" in words(overview(service))


def test_a_name_is_text(service: Client) -> None:
    service.send(call(0, '<svg class="x">', "<b>"))
    service.stored(1)
    assert table(overview(service), "model")[0][0] == '<svg class="x"> <b>'


def test_a_model_leads_to_the_list_of_its_traces(service: Client) -> None:
    service.send(call(0, "a/b&c", traceId="mine"), call(0, traceId="other"))
    service.stored(2)
    link = re.search(r'<a href="(/\?model=a[^"]*)"', overview(service))
    assert link
    text = page(service.url + html.unescape(link[1]))
    assert "/dashboard/traces/mine" in text
    assert "/dashboard/traces/other" not in text


@pytest.mark.parametrize("chosen", ["", "x", "1H", "<i>"])
def test_an_unknown_range_is_a_day(service: Client, chosen: str) -> None:
    service.send(call(0))
    service.stored(1)
    text = overview(service, chosen)
    assert '<a href="?range=24h" aria-current="true">' in text


def test_it_says_how_much_is_stored_and_what_is_deleted() -> None:
    app = create_app()
    app.state.keep_ms = 7 * DAY
    with serving(app) as url:
        text = words(page(f"{url}/overview"))
    assert re.search(r"The stored traces take \d+ kB", text)
    assert "older than 7 days are deleted" in text


@pytest.mark.parametrize("path", ["/", "/sessions", "/overview"])
@pytest.mark.parametrize("create", [create_app, create_legacy_app])
def test_an_empty_page_shows_the_two_lines_with_its_own_address(create: Any, path: str) -> None:
    with serving(create()) as url:
        text = words(page(url + path))
    assert "No traces yet" in text
    assert f'api_key="pulse_sk_local", api_url="{url}", instrument=True' in text


def test_the_two_lines_are_python_that_runs() -> None:
    with serving(create_app()) as url:
        found = re.search(r"<pre>(import pulse_otel.*?)</pre>", page(f"{url}/overview"), re.S)
    assert found
    names = compile(
        words(found[1].replace("\n", "\0")).replace("\0", "\n"), "page", "exec"
    ).co_names
    assert {"pulse_otel", "init_pulse"} <= set(names)


def test_the_legacy_form_has_an_overview(legacy_client: LegacyClient, legacy_url: str) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    legacy_client.store(
        trace(timestamp=now, model_requested="old-model", latency_ms=250, input_tokens=3)
    )
    (row,) = [
        row
        for row in table(page(f"{legacy_url}/overview"), "model")
        if row[0].startswith("old-model")
    ]
    assert row[1:3] == ["1", "0"]
    assert row[-1] == "238 ms"


def test_deleted_traces_stay_in_the_figures() -> None:
    app = create_app()
    with serving(app) as url:
        client = Client(url)
        client.send(call(2 * HOUR))
        client.stored(1)
        before = time.time_ns() // 1_000_000 - HOUR
        assert retention.delete_before(app.state.store, before, lambda _: False) == 1
        assert "Requests 1 " in words(overview(client))
        client.close()


def test_a_gap_in_the_values_is_a_gap_in_the_line() -> None:
    axis = charts.Axis(names=list("abcde"), labels=list("abcde"))
    values = [1.0, 2.0, None, 4.0, None]
    plot = charts.lines("n", "N", "", axis, {"p50": values}, str)
    assert [part[0] for part in plot.lines[0].path.split() if part[0] in "ML"] == ["M", "L", "M"]
    assert len(plot.lines[0].points) == 1
    assert json.dumps([tick.label for tick in plot.y_ticks]) == '["4.0", "2.0", "0"]'
