"""Streams of the Responses API: whole, cut, failed, and without a last event."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from pulse_otel.local.provider.replies import Reply, ToolCall
from tests.conftest import Clients
from tests.instrumentation.openai.conftest import Spans
from tests.provider.response_replies import response, response_error_events, response_stream

GPT5: dict[str, Any] = {"model": "gpt-5", "input": "Hello", "stream": True}
TOOL = ToolCall("look", {"at": "sky"}, id="c1")


def _skip_last(reply: Reply) -> Reply:
    return Reply(headers=reply.headers, chunks=(reply.chunks or ())[:-1])


def test_a_stream_says_what_the_response_says(
    provider: Any, clients: Clients, spans: Spans
) -> None:
    settings: dict[str, Any] = {"reasoning": "Hm.", "tool_calls": [TOOL], "id": "resp_1"}
    provider.enqueue(response("Wait.", **settings), response_stream("Wait.", **settings))
    create = clients.openai().responses.create

    create(model="gpt-5", input="Hello")
    list(create(**GPT5))

    whole, streamed = (dict(span.attributes or {}) for span in spans.memory.get_finished_spans())
    streamed_only = streamed.keys() - whole.keys()
    own = {"pulse.request_id"}  # each has one
    assert {name: streamed[name] for name in whole.keys() - own} == {
        name: whole[name] for name in whole.keys() - own
    }
    assert "gen_ai.response.time_to_first_chunk" in streamed_only


def test_without_its_last_event_a_stream_is_put_together(
    provider: Any, clients: Clients, spans: Spans
) -> None:
    whole = response_stream("One two", reasoning="Hm.", tool_calls=[TOOL])
    provider.enqueue(_skip_last(whole))

    list(clients.openai().responses.create(**GPT5))

    assert spans.parts == [
        {"type": "reasoning", "content": "Hm."},
        {"type": "text", "content": "One two"},
        {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"at": "sky"}},
    ]
    assert spans.attributes["gen_ai.response.finish_reasons"] == ("error",)
    assert spans.attributes["gen_ai.response.model"] == "gpt-4o-mini-2024-07-18"
    assert "gen_ai.usage.input_tokens" not in spans.attributes
    assert spans.one().status.is_unset


def test_left_in_the_middle_of_an_item(provider: Any, clients: Clients, spans: Spans) -> None:
    provider.enqueue(response_stream("One two three"))

    with clients.openai().responses.create(**GPT5) as stream:
        for event in stream:
            if event.type == "response.output_text.delta" and event.delta == " two":
                break

    assert spans.parts == [{"type": "text", "content": "One two"}]


def test_a_tool_call_cut_in_the_middle(provider: Any, clients: Clients, spans: Spans) -> None:
    provider.enqueue(response_stream(tool_calls=[TOOL]).cut_after(4))

    with pytest.raises(Exception):  # noqa: B017, PT011 - older SDKs raise what httpx raised
        list(clients.openai().responses.create(**GPT5))

    (part,) = spans.parts
    assert part["name"] == "look"
    assert part["id"] == "c1"
    assert '{"at": "sky"}'.startswith(part["arguments"])
    assert not spans.one().status.is_unset


def test_a_failed_stream_is_an_error(provider: Any, clients: Clients, spans: Spans) -> None:
    error = {"code": "server_error", "message": "Lost"}
    provider.enqueue(response_stream(status="failed", error=error))

    events = list(clients.openai().responses.create(**GPT5))

    assert events[-1].type == "response.failed"
    assert spans.attributes["error.type"] == "server_error"
    assert spans.one().status.description == "Lost"


def test_an_error_event_is_an_error(provider: Any, clients: Clients, spans: Spans) -> None:
    provider.enqueue(response_error_events("rate_limit_exceeded", "Slow down"))

    assert len(list(clients.openai().responses.create(**GPT5))) == 2

    assert spans.attributes["error.type"] == "rate_limit_exceeded"
    assert spans.one().status.description == "Slow down"
    assert spans.attributes["gen_ai.response.id"]


def test_an_incomplete_stream(provider: Any, clients: Clients, spans: Spans) -> None:
    details = {"reason": "max_output_tokens"}
    provider.enqueue(response_stream(status="incomplete", incomplete_details=details))

    list(clients.openai().responses.create(**GPT5))

    assert spans.attributes["gen_ai.response.finish_reasons"] == ("length",)
    assert spans.attributes["gen_ai.usage.input_tokens"] == 120


def test_a_last_event_without_output(provider: Any, clients: Clients, spans: Spans) -> None:
    """Some compatible servers leave it out there."""
    whole = response_stream("One two")
    last = response_stream(output=[]).chunks or ()
    provider.enqueue(Reply(headers=whole.headers, chunks=(*(whole.chunks or ())[:-1], last[-1])))

    list(clients.openai().responses.create(**GPT5))

    assert spans.parts == [{"type": "text", "content": "One two"}]
    assert spans.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert spans.attributes["gen_ai.usage.output_tokens"] == 45


def test_the_helper_gives_its_final_response(clients: Clients, spans: Spans) -> None:
    with clients.openai().responses.stream(model="gpt-5", input="Hello") as stream:
        final = stream.get_final_response()

    assert final.output_text == "Hello! Paris is sunny."
    assert spans.attributes["gen_ai.response.id"] == final.id


@pytest.mark.parametrize("mode", ["with_raw_response", "with_streaming_response"])
def test_a_raw_stream_that_is_parsed(mode: str, clients: Clients, spans: Spans) -> None:
    create = getattr(clients.openai().responses, mode).create

    if mode == "with_raw_response":
        events = list(create(**GPT5).parse())
    else:
        with create(**GPT5) as raw:
            events = list(raw.parse())

    assert isinstance(events[-1].response.id, str)
    assert spans.attributes["gen_ai.usage.input_tokens"] == 120


def test_fetching_a_stream_counts_no_tokens(provider: Any, clients: Clients, spans: Spans) -> None:
    provider.enqueue(response_stream(id="resp_1"))

    stream = clients.openai().responses.retrieve("resp_1", extra_query={"stream": True})
    assert not isinstance(stream, openai.Stream) or list(stream)

    assert not [name for name in spans.attributes if name.startswith("gen_ai.usage.")]
