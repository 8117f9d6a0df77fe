"""The uses of OpenAI's own tools, as an answer of the Responses API states them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pulse_otel import observe
from pulse_otel.instrumentation.openai import images
from tests.conftest import Clients
from tests.instrumentation.billing import events, whole

USAGE = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
SEARCH = {
    "type": "web_search_call",
    "id": "ws",
    "status": "completed",
    "action": {"type": "search", "query": "q"},
}
OPEN = {**SEARCH, "id": "op", "action": {"type": "open_page", "url": "https://a.example"}}
FILES = {
    "type": "file_search_call",
    "id": "fs",
    "status": "completed",
    "queries": ["q"],
    "results": None,
}
CODE = {
    "type": "code_interpreter_call",
    "id": "ci",
    "status": "completed",
    "code": "1",
    "container_id": "c",
    "outputs": None,
}
IMAGES = {
    "input_tokens": 9,
    "output_tokens": 200,
    "input_tokens_details": {"text_tokens": 9, "image_tokens": 0},
    "output_tokens_details": {"text_tokens": 0, "image_tokens": 200},
}


def response(output: list[Any], **more: Any) -> dict[str, Any]:
    base = {"id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-5"}
    settings = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    ending = {"status": "completed", "output": output, "usage": USAGE}
    return {**base, **settings, **ending, **more}


def recorded(provider: Any, clients: Clients, spans: Any, answer: Any, streams: bool) -> Any:
    done = {"type": "response.completed", "sequence_number": 1, "response": answer}
    provider.enqueue(events(done, named=True) if streams else whole(answer))
    call = {"model": "gpt-5", "input": "hi", "stream": streams}
    result = observe(clients.openai(), "openai").responses.create(**call)
    list(result) if streams else None
    return spans.attributes


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("output", "more", "uses"),
    [
        ([SEARCH, OPEN], {"tool_usage": {"web_search": {"num_requests": 3}}}, {"web_search": 3}),
        ([SEARCH, OPEN, SEARCH], {}, {"web_search": 2}),
        ([SEARCH], {"tools": [{"type": "web_search_preview"}]}, {"web_search_preview": 1}),
        ([FILES, FILES, CODE], {}, {"file_search": 2, "code_interpreter": 1}),
        ([OPEN], {"tool_usage": {"web_search": {"num_requests": 0}}}, None),
    ],
    ids=["stated", "items", "preview", "files", "none"],
)
def test_uses(
    output: Any, more: Any, uses: Any, streams: bool, provider: Any, clients: Clients, spans: Any
) -> None:
    found = recorded(provider, clients, spans, response(output, **more), streams)

    stated = found.get("pulse.usage.tool_uses")
    assert (json.loads(stated) if stated else None) == uses


def test_the_image_tool_is_another_model(provider: Any, clients: Clients, spans: Any) -> None:
    tools = [{"type": "image_generation", "model": "gpt-image-1"}]
    item = {"type": "image_generation_call", "id": "ig", "status": "completed", "result": None}
    answer = response([item], tools=tools, tool_usage={"image_gen": IMAGES})

    found = recorded(provider, clients, spans, answer, False)

    (other,) = json.loads(found["pulse.usage.other_models"])
    assert other["model"] == "gpt-image-1"
    assert other["gen_ai.usage.output_tokens"] == 200
    assert other["gen_ai.usage.image.output_tokens"] == 200
    assert found["gen_ai.usage.output_tokens"] == 5


def test_an_image_tool_without_a_model_leaves_the_cost_open(
    provider: Any, clients: Clients, spans: Any
) -> None:
    item = {"type": "image_generation_call", "id": "ig", "status": "completed", "result": None}
    answer = response([item], tool_usage={"image_gen": IMAGES})

    found = recorded(provider, clients, spans, answer, False)

    assert found["pulse.cost_unknown"]


def test_models_that_write_svg_are_other_models(
    provider: Any, clients: Clients, spans: Any
) -> None:
    """The SDK's docstring of `SvgUsage`: its tokens are beside those of the rendering."""
    written = {"model": "gpt-5.4", "input_tokens": 7, "output_tokens": 9, "reasoning_tokens": 0}
    item = {"type": "image_generation_call", "id": "ig", "status": "completed", "result": None}
    answer = response([{**item, "svg_usage": written}])

    found = recorded(provider, clients, spans, answer, False)

    (other,) = json.loads(found["pulse.usage.other_models"])
    assert (other["model"], other["gen_ai.usage.output_tokens"]) == ("gpt-5.4", 9)
    assert "pulse.cost_unknown" not in found


def test_the_output_of_a_streamed_image_is_the_image() -> None:
    """The SDK's docstring of `image_gen_completed_event.Usage`."""
    usage = {"input_tokens": 9, "output_tokens": 4000, "total_tokens": 4009}
    event = {"type": "image_generation.completed", "b64_json": "aGk=", "usage": usage}

    found = images.read_response(images.assemble([event]), False)

    assert found["gen_ai.usage.image.output_tokens"] == 4000
