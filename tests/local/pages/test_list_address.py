"""The address of the list says what it shows, and whatever it says is answered."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_otel.local.pages.list_address import read_address
from tests.local.legacy_client import LegacyClient, trace
from tests.local.page_reading import OWN_FILES, page, words
from tests.local.service_client import FULL, Client, eventually, span


@pytest.mark.parametrize(
    ("parameters", "filters"),
    [
        ({}, {}),
        ({"q": " "}, {}),
        ({"q": 'say "hi" Wor'}, {"text": '"say" """hi""" "Wor"*'}),
        ({"q": "- *"}, {}),
        ({"q": "one\0two\0"}, {"text": '"one" "two"*'}),
        ({"status": "error"}, {"failed": 1}),
        ({"status": "odd"}, {}),
        ({"kind": "tools"}, {"tools": 1}),
        ({"kind": "1=1"}, {}),
        ({"cost": "0.05"}, {"cost": "5.00"}),
        ({"cost": "$1"}, {"cost": "100"}),
        ({"cost": "nan"}, {}),
        ({"cost": "much"}, {}),
        ({"cost": "1e999999"}, {}),
        ({"from": "2026-11-28T10:00"}, {"date_from": 1795860000000}),
        ({"from": "2026-11-28T10:00+02:00"}, {"date_from": 1795852800000}),
        ({"to": "2026-11-28"}, {"date_to": 1795824000000}),
        ({"to": "tomorrow"}, {}),
        ({"user": "a", "model": "m", "other": "x"}, {"user": "a", "model": "m"}),
    ],
)
def test_what_makes_no_sense_is_no_filter(
    parameters: dict[str, str], filters: dict[str, Any]
) -> None:
    assert read_address(parameters).query().filters == filters


def test_what_is_no_filter_is_not_shown_as_one() -> None:
    assert read_address({"q": "- *", "status": "odd", "user": "ada"}).filters == {"user": "ada"}


def test_a_change_of_the_filters_leads_to_the_first_page() -> None:
    address = read_address({"user": "a&b", "sort": "cost", "next": "1.0_2"})
    assert address.query().key == (1.0, 2)
    assert address.at(user=None) == "/?sort=cost"
    assert address.at(status="error") == "/?user=a%26b&sort=cost&status=error"


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from(
            ["q", "status", "time", "from", "to", "cost", "sort", "next", "prev", "model"]
        ),
        st.text(max_size=20)
        | st.text("a0\0", max_size=4)
        | st.sampled_from(["newest", "cost", "1_2", "nan_1", "1e999_1", f"1_{10**30}", "1h"]),
    )
)
def test_no_address_breaks_the_list(url: str, parameters: dict[str, str]) -> None:
    for path in ("/", "/traces/new", "/dashboard/traces/x"):
        answer = requests.get(url + path, params=parameters, timeout=10)
        assert answer.status_code in (200, 204)


def test_the_files_of_the_pages_are_kept_by_the_browser_until_they_change(url: str) -> None:
    files = OWN_FILES.findall(requests.get(url, timeout=10).text)
    assert len(files) == 3
    for file in files[1:]:
        path = file.split('"')[-2] if "script" not in file else file.split('"')[1]
        answer = requests.get(url + path, timeout=10)
        assert answer.headers["Cache-Control"] == "max-age=31536000, immutable"
        assert answer.headers["Content-Type"].startswith("text/")
        assert (
            requests.get(url + path.replace("/assets/", "/assets/0"), timeout=10).status_code == 404
        )


def test_what_is_new_is_a_part_of_the_list_only(client: Client, url: str) -> None:
    client.only_trace(span(FULL, traceId="before"))
    changes = page(f"{url}/").partition('data-changes="')[2].partition('"')[0].replace("&amp;", "&")
    assert requests.get(url + changes, timeout=10).status_code == 204
    client.send(span({**FULL, "pulse.output_text": "Fresh"}, traceId="after"))
    answer = eventually(
        lambda: requests.get(url + changes, timeout=10), lambda a: a.status_code == 200
    )
    assert "Fresh" in words(answer.text)
    assert "before" not in answer.text
    assert "<head" not in answer.text


def test_the_list_of_the_legacy_form(legacy_client: LegacyClient, legacy_url: str) -> None:
    said = {"messages": [{"role": "user", "content": "Old but good?"}]}
    legacy_client.store(
        trace(request_body=said, output_text="Yes", metadata={"user_id": "eve"}, cost_cents=300),
        trace(request_body=said, status="error", error={"message": "No quota"}),
    )
    assert "Old but good? Yes" in words(page(f"{legacy_url}/?user=eve&cost=2"))
    assert "Old but good? error No quota" in words(page(f"{legacy_url}/?status=error&q=quota"))
