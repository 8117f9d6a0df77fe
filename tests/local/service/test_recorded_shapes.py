"""The answers of both generations have the shapes and types of recorded ones of the services."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.local.legacy_client import FULL as LEGACY_FULL
from tests.local.legacy_client import LegacyClient
from tests.local.service_client import FULL, SESSION, TIMEOUT_S, Client, span

RECORDED = json.loads(Path(__file__).with_name("recorded_shapes.json").read_text("utf-8"))
PERIOD = {
    "current": "date_from=2023-11-14T00:00:00Z&date_to=2023-11-15T00:00:00Z",
    "legacy": "date_from=2026-11-23T00:00:00Z&date_to=2026-11-24T00:00:00Z",
}
TYPES = {str: "text", bool: "boolean", int: "number", float: "number", type(None): "null"}
CASES = [
    pytest.param(generation, answer["request"], answer[generation], id=f"{generation} {request}")
    for generation in PERIOD
    for answer in RECORDED["answers"]
    for request in [answer["request"]]
]


def differences(value: Any, shape: Any, path: str = "$") -> list[str]:
    """List the places where `value` has another type or other keys than `shape`."""
    shape = RECORDED["shapes"].get(shape, shape) if isinstance(shape, str) else shape
    if isinstance(shape, list):
        if not isinstance(value, list) or (shape and not value):
            return [f"{path}: {value!r} is no list like {shape}"]
        items = value if shape else []
        return [line for item in items for line in differences(item, shape[0], f"{path}[]")]
    if isinstance(shape, dict):
        if not isinstance(value, dict) or value.keys() != shape.keys():
            return [f"{path}: {value!r} has not the keys {[*shape]}"]
        return [
            line for key in shape for line in differences(value[key], shape[key], f"{path}.{key}")
        ]
    kind = TYPES.get(type(value), "object")
    return [] if kind == shape or value == shape else [f"{path}: {value!r} is no {shape}"]


@pytest.fixture(scope="module")
def clients(url: str, legacy_url: str) -> dict[str, Client]:
    """A project of each generation with the calls that the record was made with, in short."""
    current, legacy = Client(url), LegacyClient(legacy_url)
    tool = {"pulse.kind": "tool_use", "pulse.tool.name": "get_weather"}
    current.send(
        span({**tool, "pulse.session_id": "other"}, traceId="tools"),
        span({**FULL, "pulse.session_id": "other"}, start=1, traceId="other"),
        span(FULL, start=2, traceId="whole"),
        resource={"service.name": "app"},
    )
    current.stored(3)
    call = {name: value for name, value in LEGACY_FULL.items() if name != "error"}
    id_of = "d0800000-0000-4000-8000-00000000000{}".format
    legacy.store({**call, "trace_id": id_of(2), "timestamp": "2026-11-23T03:00:00Z"})
    del call["session_id"]
    legacy.store({**call, "trace_id": id_of(3)}, {**call, "trace_id": id_of(4)})
    return {"current": current, "legacy": legacy}


@pytest.mark.parametrize(("generation", "request_line", "answer"), CASES)
def test_an_answer_has_the_recorded_shape(
    clients: dict[str, Client], generation: str, request_line: str, answer: dict[str, Any]
) -> None:
    client = clients[generation]
    method, _, rest = request_line.partition(" ")
    path, _, body = rest.partition(" ")
    path = path.replace("PERIOD", PERIOD[generation]).replace(":id", SESSION)
    found = requests.request(
        method,
        client.url + path,
        data=body.encode() or None,
        headers={"Authorization": f"Bearer {client.key}"},
        timeout=TIMEOUT_S,
    )
    json_answer = found.headers["Content-Type"].startswith("application/json")
    content = found.json() if json_answer else found.text
    assert found.status_code == answer["status"]
    assert differences(content, answer["body"]) == []
    issues = answer.get("first_issues", [])
    assert [one["path"] for one in content["details"][: len(issues)]] == issues if issues else True


@pytest.mark.parametrize(
    ("value", "shape"),
    [({"a": 1}, {"a": "text"}), ({}, {"a": "text"}), ([], ["text"]), ([1], ["text"]), (None, {})],
)
def test_the_comparison_finds_a_difference(value: Any, shape: Any) -> None:
    assert differences(value, shape)
