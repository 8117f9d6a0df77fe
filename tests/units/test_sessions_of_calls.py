"""A run is in the session of its first call that has one, however the call was given it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pulse_otel import call, observe, paused, session, tool, trace
from tests.conftest import MESSAGES
from tests.units.reading import named


def _ask(client: Any, **more: Any) -> None:
    client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, **more)


def _by_call(client: Any) -> None:
    _ask(observe(client, "openai"), extra_headers=call(session_id="first", metadata={"mark": 1}))


def _by_parameter(client: Any) -> None:
    _ask(observe(client, "openai"), pulse_session_id="first")


def _by_client(client: Any) -> None:
    _ask(observe(client, "openai", {"session_id": "first"}))


WAYS: list[Callable[[Any], None]] = [_by_call, _by_parameter, _by_client]


@pytest.mark.parametrize("ask", WAYS)
def test_the_session_of_the_first_call_is_that_of_the_run(
    ask: Any, spans: Any, openai_client: Any
) -> None:
    with trace("outer"), trace("inner"):
        ask(openai_client)
        _ask(openai_client, extra_headers=call(session_id="second"))

    found = [span for span in spans.get_finished_spans() if "workflow" in span.name]
    assert [span.attributes["session.id"] for span in found] == ["first", "first"]
    assert all("mark" not in span.attributes.get("pulse.metadata", "") for span in found)


@pytest.mark.parametrize("ask", WAYS)
def test_the_session_of_a_call_does_not_replace_that_of_the_run(
    ask: Any, spans: Any, openai_client: Any
) -> None:
    with session("outside"), trace("outer"):
        ask(openai_client)

    (found,) = [span for span in spans.get_finished_spans() if "workflow" in span.name]
    assert found.attributes["session.id"] == "outside"


def test_a_session_in_a_paused_block_is_not_that_of_the_run(spans: Any) -> None:
    with trace("work"):
        with paused(), session("hidden"):
            pass
        with paused(), session("hidden too"), tool("not recorded"):
            pass
        with session("shown"):
            pass

    assert named(spans)["work"].attributes["session.id"] == "shown"
