"""Read the events of the Realtime API: settings of the session, added items, and responses.

The events are converted to those of a response stream. Audio is left out; speech is recorded as
its transcript.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, cast

from pulse_otel import semconv
from pulse_otel.instrumentation.endpoint import Endpoint
from pulse_otel.instrumentation.openai import response_events, responses
from pulse_otel.instrumentation.openai.bill import read_bill
from pulse_otel.instrumentation.openai.items import input_messages
from pulse_otel.instrumentation.openai.media import base64_bytes, described
from pulse_otel.instrumentation.openai.response_connection import EventAdapter, fields
from pulse_otel.instrumentation.openai.tokens import some
from pulse_otel.instrumentation.providers import provider_of_openai
from pulse_otel.instrumentation.reading import Rules, given, integer, items, read, text
from pulse_otel.values import plain

API_TYPE = "realtime"
_ITEMS = 100  # kept since the last response; the oldest is dropped first
_AUDIO = ("audio", "input_audio", "output_audio")
_STATUS = {
    "response.created": "in_progress",
    "response.done": "completed",
}  # where the event has no status

# The settings of a Realtime session that apply to its responses.
_SETTINGS = (
    "model",
    "instructions",
    "tools",
    "tool_choice",
    "max_output_tokens",
    "max_response_output_tokens",  # the beta's name
    "temperature",
    "output_modalities",
    "modalities",  # the beta's name
    "parallel_tool_calls",
    "prompt",
    "reasoning",
    "truncation",
)
# Realtime event -> the equivalent event of a response stream.
_SAME = {
    "response.output_text.delta": "response.output_text.delta",
    "response.text.delta": "response.output_text.delta",
    "response.output_audio_transcript.delta": "response.output_text.delta",
    "response.audio_transcript.delta": "response.output_text.delta",
    "response.function_call_arguments.delta": "response.function_call_arguments.delta",
    "response.mcp_call_arguments.delta": "response.mcp_call_arguments.delta",
    "response.output_item.added": "response.output_item.added",
    "response.output_item.done": "response.output_item.done",
}
_REALTIME_USAGE = Rules(
    (("usage", "input_token_details", "cached_tokens"), semconv.CACHE_READ_TOKENS, integer),
    (
        ("usage", "input_token_details", "cached_tokens_details", "audio_tokens"),
        semconv.PULSE_CACHE_READ_AUDIO_TOKENS,
        some,
    ),
    (
        ("usage", "input_token_details", "cached_tokens_details", "image_tokens"),
        semconv.PULSE_CACHE_READ_IMAGE_TOKENS,
        some,
    ),
    (("usage", "input_token_details", "text_tokens"), semconv.INPUT_TEXT_TOKENS, some),
    (("usage", "input_token_details", "audio_tokens"), semconv.INPUT_AUDIO_TOKENS, some),
    (("usage", "input_token_details", "image_tokens"), semconv.INPUT_IMAGE_TOKENS, some),
    (("usage", "output_token_details", "text_tokens"), semconv.OUTPUT_TEXT_TOKENS, some),
    (("usage", "output_token_details", "audio_tokens"), semconv.OUTPUT_AUDIO_TOKENS, some),
)


def spoken(item: Any) -> Any:
    """Return a plain copy of an item, with the transcript in place of audio."""
    copy = plain(item)
    if not isinstance(copy, dict) or not isinstance(read(copy, "content"), list):
        return cast("Any", copy)
    found = cast("dict[str, Any]", copy)
    return {**found, "content": [_said(block) for block in found["content"]]}


def _said(block: Any) -> Any:
    if text(read(block, "type")) not in _AUDIO:
        return block
    transcript, data = text(read(block, "transcript")), text(read(block, "audio"))
    if transcript is not None:
        return {"type": "text", "text": transcript}
    return described("audio", None, base64_bytes(data) if data else None)


def _response_event(response: Any, expected: str) -> dict[str, Any]:
    status = text(read(response, "status")) or expected
    details = read(response, "status_details")
    whole = {
        "id": read(response, "id"),
        "status": status,
        "usage": plain(read(response, "usage")),
        "incomplete_details": {"reason": read(details, "reason")},
        "error": plain(read(details, "error")),
        "output": [spoken(item) for item in items(read(response, "output"))],
    }
    return {"type": f"response.{status}", "response": whole}


def _read_realtime_request(request: Mapping[str, Any], content: bool) -> dict[str, Any]:
    beta = request.get("max_response_output_tokens")
    known = {"max_output_tokens": beta, **request, "conversation": None}  # no id: auto or none
    modalities = items(request.get("output_modalities") or request.get("modalities"))
    found = responses.read_request(known, content) | {semconv.OPENAI_API_TYPE: API_TYPE}
    if modalities:
        found[semconv.OUTPUT_TYPE] = "speech" if "audio" in modalities else "text"
    return found


def _read_realtime_response(response: Any, content: bool) -> dict[str, Any]:
    found = responses.read_response(response, content) | _REALTIME_USAGE.extract(response)
    if content and read(response, "input") is not None:
        found[semconv.INPUT_MESSAGES] = input_messages(read(response, "input"))
    return found


def _assemble_realtime(events: list[Any]) -> Any:
    """Assemble a response; the transcript of spoken input may arrive after the response began."""
    inputs = [event["input"] for event in events if event["type"] == "input"]
    whole = response_events.assemble([event for event in events if event["type"] != "input"])
    return {**whole, "input": inputs[-1]} if inputs else whole


_ENDPOINT = Endpoint(
    sdk="openai",
    scope=semconv.SCOPE_OPENAI,
    path="/realtime",
    operation=semconv.OPERATION_CHAT,
    provider=provider_of_openai,
    request=_read_realtime_request,
    response=_read_realtime_response,
    assemble=_assemble_realtime,
    bill=read_bill,
)


class RealtimeAdapter(EventAdapter):
    """Convert the events of `realtime.connect`, and of the beta."""

    endpoint = _ENDPOINT
    last = ("response.done",)
    error_ends_response = False  # most concern another event; `response.done` follows anyway

    def __init__(self, model: str | None) -> None:
        super().__init__(model)
        self._settings: dict[str, Any] = {"model": model} if model else {}
        self._waiting: deque[Any] = deque(maxlen=_ITEMS)

    def sent(self, event: Any) -> None:
        if text(read(event, "type")) == "conversation.item.create":
            self.keep_for_next(spoken(read(event, "item")))

    def user_item(self, kind: str, event: Any) -> Any:
        if kind in ("session.created", "session.updated"):
            session = read(event, "session")
            values = {name: plain(read(session, name)) for name in _SETTINGS}
            self._settings |= {name: value for name, value in values.items() if value is not None}
        elif kind == "conversation.item.input_audio_transcription.completed":
            content = [{"type": "input_text", "text": text(read(event, "transcript")) or ""}]
            return {"type": "message", "role": "user", "content": content}
        return None

    def keep_for_next(self, item: Any) -> None:
        self._waiting.append(item)

    def request(self, event: Any) -> dict[str, Any]:
        own = {name: value for name, value in self._own(event).items() if given(value)}
        if "input" in own:  # outside the conversation, which is not changed
            own["input"] = [spoken(item) for item in items(own["input"])]
            return {**self._settings, **own, "stream": True}
        return {**self._settings, **own, "input": self._taken(), "stream": True}

    def started_request(self, event: Any) -> dict[str, Any]:
        return {**self._settings, "input": self._taken(), "stream": True}

    def chunk(self, kind: str, event: Any) -> Any:
        if kind in _STATUS:
            return _response_event(read(event, "response"), _STATUS[kind])
        same = _SAME.get(kind)
        if same is None:
            return None
        found = {name: read(event, name) for name in ("output_index", "content_index", "delta")}
        return {"type": same, "item": spoken(read(event, "item")), **found}

    def _own(self, event: Any) -> Mapping[str, Any]:
        return fields(plain(read(event, "response")))

    def _taken(self) -> list[Any] | None:
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting or None
