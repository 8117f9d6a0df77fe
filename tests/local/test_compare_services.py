"""The script that compares services finds what differs, and nothing where nothing does."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from pulse_otel.local.service.app import create_app
from pulse_otel.local.serving import serving
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("compare", ROOT / "scripts/compare_services.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["compare"] = module  # the dataclasses look it up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("arguments", [[], ["--legacy"]])
def test_serve_agrees_with_itself(
    script: Any, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(arguments) == 0
    sent, _, rest = capsys.readouterr().out.partition(" ")
    assert int(sent) > 200
    assert rest == "requests, 0 disagreements\n"


def test_a_service_that_answers_otherwise_is_found(script: Any) -> None:
    app = create_app()

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        """Answers the list of spans with all traces, and knows no analytics."""
        path = scope["path"].replace("analytics", "unknown")
        path = "/v1/traces" if path == "/v1/spans" and scope["method"] == "GET" else path
        await app({**scope, "path": path, "raw_path": path.encode()}, receive, send)

    with serving(create_app()) as here, serving(changed) as there:
        key = "pulse_sk_compared"
        services = script.Service(here, key), script.Service(there, key)
        _, lines = script.compare(*services, legacy=False)
    titles = {line.partition("?")[0] for line in lines}
    assert {title.removesuffix(" without a key") for title in titles} == {
        "GET /v1/spans", "GET /v1/analytics", "GET /v1/analytics/spans",
        "GET /v1/analytics/overview-extended",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("here", "there", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 1.0}, []),  # JSON has one type of number
        ({"a": 1}, {"a": "1"}, ["$.a: 1 here, '1' there"]),
        ({"a": 1}, {"a": True}, ["$.a: 1 here, True there"]),
        ({"a": None}, {}, ["$.a: only here"]),
        ({}, {"a": None}, ["$.a: only there"]),
        ([{"a": [1]}], [{"a": [2]}], ["$[0].a[0]: 1 here, 2 there"]),
        ([1], [1, 2], ["$: [1] here, [1, 2] there"]),
        ({"projectId": "a"}, {"projectId": "b"}, []),
        ("2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z", []),
        ("2001-01-01T00:00:00.000Z", "2001-01-01T00:00:00.001Z",
         ["$: '2001-01-01T00:00:00.000Z' here, '2001-01-01T00:00:00.001Z' there"]),
    ],
)  # fmt: skip
def test_two_answers_are_compared(script: Any, here: Any, there: Any, found: list[str]) -> None:
    assert [*script.differences(here, there)] == found
