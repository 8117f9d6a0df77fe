"""Convert the events on a WebSocket connection of the Responses API to those of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from pulse_otel import semconv
from pulse_otel.instrumentation.endpoint import Endpoint
from pulse_otel.instrumentation.openai import response_events, responses
from pulse_otel.instrumentation.openai.bill import read_bill
from pulse_otel.instrumentation.providers import provider_of_openai
from pulse_otel.instrumentation.reading import read, text
from pulse_otel.values import plain

# The fields of a response that its request does not have.
_ANSWER = frozenset(
    (
        *("id", "object", "created_at", "completed_at", "status", "output", "output_text", "usage"),
        *("error", "incomplete_details", "billing"),
    )
)
_MEDIA_EVENTS = ("response.audio.delta", "response.output_audio.delta")


def failed(event: Any) -> dict[str, Any]:
    """Convert an `error` event: its code, or else its type, and its message."""
    error = read(event, "error") or event
    code = text(read(error, "code")) or text(read(error, "type"))
    return {"type": "error", "data": {"code": code, "message": read(error, "message")}}


def fields(event: Any) -> Mapping[str, Any]:
    """Return the fields of an event that the caller sends: a dict, or a model of the SDK."""
    found: object = cast("object", event) if isinstance(event, Mapping) else plain(event)
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


class EventAdapter:
    """Convert the events of `responses.connect`."""

    endpoint: ClassVar[Endpoint] = Endpoint(
        sdk="openai",
        scope=semconv.SCOPE_OPENAI,
        path="/responses",
        operation=semconv.OPERATION_CHAT,
        provider=provider_of_openai,
        request=responses.read_request,
        response=responses.read_response,
        assemble=response_events.assemble,
        bill=read_bill,
        compact_chunk=response_events.compact_chunk,
    )
    last: ClassVar[tuple[str, ...]] = (
        "response.completed",
        "response.incomplete",
        "response.failed",
        "response.cancelled",
    )
    error_ends_response: ClassVar[bool] = True  # an error event ends the running response

    def __init__(self, model: str | None) -> None:
        """`model` is the argument of `connect`."""

    def sent(self, event: Any) -> None:
        """Note an event that the caller sent, other than `response.create`."""

    def user_item(self, kind: str, event: Any) -> Any:
        """Return the item that `event` reports as the user's input, if any; note other events."""
        return None

    def keep_for_next(self, item: Any) -> None:
        """Keep `item` for the next response."""

    def request(self, event: Any) -> dict[str, Any]:
        """Return the request in a `response.create` event; it is always streamed."""
        return {**fields(event), "stream": True}

    def started_request(self, event: Any) -> dict[str, Any]:
        """Return the request of a response that the server began by itself, as a continuation."""
        known = fields(plain(read(event, "response")))
        asked = {name: value for name, value in known.items() if name not in _ANSWER}
        return {**asked, "stream": True}

    def chunk(self, kind: str, event: Any) -> Any:
        """Return what to keep of `event` until the response is complete; None if nothing."""
        if kind.endswith(".delta") and kind not in _MEDIA_EVENTS:
            return event
        whole = read(event, "response") is not None or kind.startswith("response.output_item.")
        return event if whole else None
