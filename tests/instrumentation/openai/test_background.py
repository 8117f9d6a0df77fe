"""A background response: its creation is one call, its end another, with tokens and cost."""

from __future__ import annotations

from typing import Any

import pytest

from pulse_otel import flush_buffer, observe
from tests.conftest import Clients, Service
from tests.instrumentation.billing import events, whole
from tests.versions import has

pytestmark = pytest.mark.skipif(
    not has("openai background responses"), reason="this version has no background responses"
)

USAGE = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
TEXT = {"type": "output_text", "text": "Hello", "annotations": []}
OUTPUT = [
    {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [TEXT],
    }
]
CENTS = pytest.approx((10 * 0.15 + 5 * 0.6) / 10_000)
ASKED: dict[str, Any] = {"model": "gpt-4o-mini", "input": "hi", "background": True}


def response(status: str, **more: Any) -> dict[str, Any]:
    done = status == "completed"
    return {
        "id": "resp_bg",
        "object": "response",
        "created_at": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "status": status,
        "background": True,
        "output": OUTPUT if done else [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": USAGE if done else None,
        **more,
    }


def rows(pulse: Service, traces: int = 1) -> list[dict[str, Any]]:
    """The stored spans of all traces."""
    assert flush_buffer()
    return [span for trace in pulse.traces(traces) for span in trace["spans"]]


def tokens(spans: list[dict[str, Any]]) -> list[int]:
    return [span["outputTokens"] for span in spans if span.get("outputTokens")]


def test_polls_are_not_sent_and_the_end_has_the_tokens(
    provider: Any, clients: Clients, pulse: Service
) -> None:
    statuses = ["queued", "queued", "in_progress", "completed", "completed"]
    provider.enqueue(*(whole(response(status)) for status in statuses))
    client = observe(clients.openai(), "openai")

    client.responses.create(**ASKED)
    for _ in statuses[1:]:
        client.responses.retrieve("resp_bg")

    found = rows(pulse)
    assert len(found) == 2
    assert tokens(found) == [5]
    assert [span["costCents"] for span in found if span.get("outputTokens")] == [CENTS]
    assert {span["kind"] for span in found} == {"llm_call"}


def test_two_processes_that_retrieve_are_one_row(
    provider: Any, clients: Clients, pulse: Service
) -> None:
    """Neither made the response: each retrieval has a trace of its own."""
    provider.enqueue(whole(response("completed")), whole(response("completed")))

    for _ in range(2):
        observe(clients.openai(), "openai").responses.retrieve("resp_bg")

    assert tokens(rows(pulse)) == [5]


def test_a_stream_that_breaks_and_is_resumed(
    provider: Any, clients: Clients, pulse: Service
) -> None:
    delta = {
        "type": "response.output_text.delta",
        "item_id": "m1",
        "output_index": 0,
        "content_index": 0,
        "logprobs": [],
    }
    created = {
        "type": "response.created",
        "sequence_number": 0,
        "response": response("in_progress"),
    }
    done = {
        "type": "response.completed",
        "sequence_number": 3,
        "response": response("completed"),
    }
    provider.enqueue(
        events(created, {**delta, "sequence_number": 1, "delta": "Hel"}, named=True),
        events({**delta, "sequence_number": 2, "delta": "lo"}, done, named=True),
    )
    client = observe(clients.openai(), "openai")

    seen = [event.sequence_number for event in client.responses.create(**ASKED, stream=True)]
    rest = client.responses.retrieve("resp_bg", stream=True, starting_after=seen[-1])
    seen += [event.sequence_number for event in rest]

    assert seen == [0, 1, 2, 3]
    found = rows(pulse)
    assert len(found) == 2
    assert tokens(found) == [5]


def test_what_a_stream_showed_is_not_counted_again(
    provider: Any, clients: Clients, pulse: Service
) -> None:
    done = {
        "type": "response.completed",
        "sequence_number": 1,
        "response": response("completed"),
    }
    provider.enqueue(events(done, named=True), whole(response("completed")))
    client = observe(clients.openai(), "openai")

    list(client.responses.create(**ASKED, stream=True))
    client.responses.retrieve("resp_bg")

    assert tokens(rows(pulse)) == [5]


def test_a_response_that_failed(provider: Any, clients: Clients, pulse: Service) -> None:
    error = {"code": "server_error", "message": "The model broke."}
    provider.enqueue(whole(response("queued")), whole(response("failed", error=error)))
    client = observe(clients.openai(), "openai")

    client.responses.create(**ASKED)
    client.responses.retrieve("resp_bg")

    found = rows(pulse)
    assert len(found) == 2
    assert "The model broke." in str(found)


def test_another_response_that_is_retrieved_is_counted_once(
    provider: Any, clients: Clients, pulse: Service
) -> None:
    """Its tokens were those of its creation, whoever retrieves it."""
    provider.enqueue(*(whole(response("completed", background=False)) for _ in range(2)))
    client = observe(clients.openai(), "openai")

    client.responses.create(**{**ASKED, "background": False})
    client.responses.retrieve("resp_bg")

    assert tokens(rows(pulse, 2)) == [5]
