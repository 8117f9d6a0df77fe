"""A value inside of itself, or one that recurs, is read in part, and the call goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pydantic
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel.values import MAX_PARTS, plain
from tests.conftest import MESSAGES, Clients

_MOST_S = 60  # of CPU time; without a bound it is longer than the universe has been there


class Pair(pydantic.BaseModel):
    left: Any = None
    right: Any = None


def a_list() -> Any:
    value: list[Any] = []
    value += [value, value]
    return value


def a_dict() -> Any:
    value: dict[str, Any] = {}
    value |= {"left": value, "right": value}
    return value


def two() -> Any:
    outer: list[Any] = []
    inner = {"left": outer, "right": outer}
    outer += [inner, inner]
    return outer


def a_model() -> Any:
    value = Pair()
    value.left = value.right = value
    return value


def shared() -> Any:
    """2^30 texts, in 30 lists: no list is inside of itself."""
    value: Any = "text"
    for _ in range(30):
        value = [value, value]
    return value


def count(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    return 1 + (sum(map(count, inner)) if isinstance(value, (dict, list)) else 0)


@pytest.mark.row("E4")
@pytest.mark.parametrize("make", [a_list, a_dict, two, a_model])
def test_a_value_inside_of_itself_is_read_once(make: Callable[[], Any]) -> None:
    found = plain({"odd": [make(), "x" * 300_000], "good": "kept"})

    assert found["good"] == "kept"
    assert count(found) < 20
    assert "[inside of itself]" in str(found)


@pytest.mark.row("E4")
def test_no_more_than_so_many_values_are_read() -> None:
    found = plain({"odd": shared(), "good": "kept"})

    assert found["good"] == "kept"
    assert count(found) <= 2 * MAX_PARTS
    assert "[too many values]" in str(found)


def test_a_list_of_fewer_values_is_whole_beside_one_of_more() -> None:
    found = plain({"more": range(1), "many": [0] * (MAX_PARTS + 1), "few": [0] * 1000})

    assert found["many"] == "[too many values]"
    assert found["few"] == [0] * 1000


@pytest.mark.row("E4")
@pytest.mark.parametrize("make", [two, a_model])
@pytest.mark.parametrize("place", ["messages", "content", "tools", "extra_body", "functions"])
def test_a_request_with_such_a_value_ends_as_it_does_without_us(
    make: Callable[[], Any], place: str, clients: Clients, spans: InMemorySpanExporter
) -> None:
    def outcome(client: Any) -> str:
        request: dict[str, Any] = {"model": "gpt-4o", "messages": [dict(MESSAGES[0])]}
        if place == "messages":
            request["messages"].append(make())
        elif place == "content":
            request["messages"].append({"role": "tool", "tool_call_id": "1", "content": make()})
        elif place == "extra_body":
            request["extra_body"] = {"more": make()}
        else:
            request[place] = [{"name": "f", "parameters": make()}]
        try:
            client.chat.completions.create(**request)
        except Exception as error:  # noqa: BLE001 - as it is without us
            return type(error).__name__
        return "answered"

    bare, observed = clients.openai(), pulse_otel.observe(clients.openai(), provider="openai")
    begin = time.thread_time()

    assert outcome(observed) == outcome(bare)
    assert time.thread_time() - begin < _MOST_S


@pytest.mark.row("E4")
@pytest.mark.parametrize("make", [two, a_model, shared])
@pytest.mark.parametrize("place", ["session", "observe", "pulse_metadata"])
def test_a_call_with_such_metadata_is_recorded(
    make: Callable[[], Any], place: str, clients: Clients, spans: InMemorySpanExporter
) -> None:
    metadata = {"good": "kept", "odd": make()}
    outer = metadata if place == "session" else {}
    options = {"metadata": metadata} if place == "observe" else {}
    own = {"pulse_metadata": metadata} if place == "pulse_metadata" else {}
    client = pulse_otel.observe(clients.openai(), "openai", options)

    with pulse_otel.session("s1", metadata=outer):
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES, **own)

    (span,) = spans.get_finished_spans()
    assert '"good":"kept"' in str((span.attributes or {})["pulse.metadata"])
