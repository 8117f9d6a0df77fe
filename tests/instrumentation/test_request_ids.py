"""The id of a request: of a gateway's two, the one that the SDK itself shows."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pulse_otel import observe
from tests.conftest import MESSAGES

BOTH = {"x-request-id": "of OpenAI", "request-id": "of Anthropic"}
CHAT = {
    "id": "c",
    "object": "chat.completion",
    "model": "m",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}
    ],
}
MESSAGE = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "a"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
EVENTS = {
    "openai": b'data: {"id": "c", "model": "m", "choices": []}\n\ndata: [DONE]\n\n',
    "anthropic": b'event: message_stop\ndata: {"type": "message_stop"}\n\n',
}
ANSWERS = {"openai": CHAT, "anthropic": MESSAGE}
HEADERS = {"openai": "x-request-id", "anthropic": "request-id"}


def methods(sdk: str, http_client: httpx2.Client) -> Any:
    """What makes calls of `sdk`, whose answers are not sent over a network."""
    if sdk == "openai":
        client = openai.OpenAI(api_key="k", max_retries=0, http_client=http_client)
        return observe(client, sdk).chat.completions
    client = anthropic.Anthropic(api_key="k", max_retries=0, http_client=http_client)
    return observe(client, sdk).messages


def answer(sdk: str, way: str, headers: dict[str, str]) -> httpx2.Response:
    """The provider's answer, or an error."""
    if way == "stream":
        kind = {"content-type": "text/event-stream"}
        return httpx2.Response(200, content=EVENTS[sdk], headers={**headers, **kind})
    status, body = (429, {"error": {"message": "m"}}) if way == "error" else (200, ANSWERS[sdk])
    kind = {"content-type": "application/json"}
    return httpx2.Response(status, content=json.dumps(body), headers={**headers, **kind})


@pytest.mark.parametrize("way", ["whole", "raw", "stream", "error"])
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
@pytest.mark.parametrize("which", ["both", "own", "other", "none"])
def test_the_id_is_the_one_of_the_sdk_or_else_the_other(
    sdk: str, way: str, which: str, spans: InMemorySpanExporter
) -> None:
    own = HEADERS[sdk]
    chosen = {
        "both": BOTH,
        "own": {own: BOTH[own]},
        "other": {name: value for name, value in BOTH.items() if name != own},
        "none": {},
    }[which]
    transport = httpx2.MockTransport(lambda request: answer(sdk, way, chosen))
    with httpx2.Client(transport=transport) as http_client:
        made = methods(sdk, http_client)
        asked: Any = {"model": "m", "messages": MESSAGES}
        if sdk == "anthropic":
            asked["max_tokens"] = 9
        try:
            if way == "raw":
                shown = made.with_raw_response.create(**asked).parse()._request_id
            elif way == "stream":
                shown = chosen.get(own)
                list(made.create(**asked, stream=True))
            else:
                shown = made.create(**asked)._request_id
        except (openai.RateLimitError, anthropic.RateLimitError) as error:
            shown = error.request_id

    (span,) = spans.get_finished_spans()
    assert shown == chosen.get(own)
    expected = shown or next(iter(chosen.values()), None)
    assert (span.attributes or {}).get("pulse.request_id") == expected
