"""Request and response bodies in the provider's own shape, rebuilt from GenAI messages.

The service's pages read ``messages`` of a request, and ``choices[0].message.content`` or
``content[0].text`` of a response (contract §3.7). Media are replaced by a note. A giant body is
trimmed so that its JSON stays valid; `payloads` trims further, to the limit of a wire form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from pulse_otel import semconv
from pulse_otel.export.bodies import anthropic, chat, other_apis, responses, trim
from pulse_otel.export.bodies.content import Content, answer_text
from pulse_otel.export.bodies.media import may_hold_media, without_media
from pulse_otel.texts import as_text
from pulse_otel.values import to_json_bytes

__all__ = [
    "MAX_BYTES",
    "Body",
    "Content",
    "answer_text",
    "bounded",
    "request",
    "response",
    "shape_of",
    "without_media",
]


class Body(dict[str, Any]):
    """A body with its JSON in UTF-8, as it was written to be measured; nobody changes either."""

    __slots__ = ("json",)

    def __init__(self, value: Mapping[str, Any], json: bytes) -> None:
        """Copy `value`."""
        super().__init__(value)
        self.json = json


MAX_BYTES = 4 << 20
"""The limit for one body's JSON in any form: it bounds what waits in memory or on disk."""


class Shape(Protocol):
    """The form of an API's requests and responses."""

    def request(self, attributes: Mapping[str, Any], content: Content) -> dict[str, Any]:
        """Return the request as the API takes it; without content, only its parameters."""
        ...

    def response(self, attributes: Mapping[str, Any], content: Content) -> dict[str, Any]:
        """Return the response as the API gives it, as far as it is known."""
        ...


_ANTHROPIC_SCOPES = (
    semconv.SCOPE_ANTHROPIC,
    "com.anthropic.sdk",
    "opentelemetry.instrumentation.genai.anthropic",
    "opentelemetry.instrumentation.anthropic",
    "openinference.instrumentation.anthropic",
    "logfire.anthropic",
)


def shape_of(attributes: Mapping[str, Any], scope: str) -> Shape:
    """Return the shape of the API that was called, by the attributes, then by the scope."""
    operation = attributes.get(semconv.OPERATION_NAME)
    if operation != semconv.OPERATION_CHAT and isinstance(operation, str):
        if operation == semconv.OPERATION_EMBEDDINGS:
            return other_apis.Embeddings()
        fields = other_apis.FIELDS.get(as_text(operation))
        if fields is not None:
            return other_apis.OtherApi(fields)
    response_id = attributes.get(semconv.RESPONSE_ID)
    start = response_id[:5] if isinstance(response_id, str) else ""
    if start == "resp_" or attributes.get(semconv.OPENAI_API_TYPE) == "responses":
        return responses.Responses()
    is_anthropic = start[:4] == "msg_" or attributes.get(semconv.PROVIDER_NAME) == "anthropic"
    if is_anthropic or scope.startswith(_ANTHROPIC_SCOPES):
        return anthropic.Messages()
    return chat.ChatCompletions()


def request(attributes: Mapping[str, Any], content: Content, shape: Shape) -> dict[str, Any]:
    """Return the request in `shape`, below `MAX_BYTES`."""
    return _written(shape.request(attributes, content), trim.request)


def response(
    attributes: Mapping[str, Any], content: Content, shape: Shape
) -> dict[str, Any] | None:
    """Return the response in `shape`, below `MAX_BYTES`; None if nothing of it is known."""
    return _written(shape.response(attributes, content), trim.fit) or None


def bounded(value: Any) -> Any:
    """Return another value for a JSON payload, such as a tool's input, by the same rules."""
    return value if _fits(to_json_bytes(value)) else trim.fit(without_media(value), MAX_BYTES)


def _written(
    body: dict[str, Any], trimmed: Callable[[dict[str, Any], int], dict[str, Any]]
) -> dict[str, Any]:
    json = to_json_bytes(body)
    return Body(body, json) if _fits(json) else trimmed(without_media(body), MAX_BYTES)


def _fits(json: bytes) -> bool:
    """Return whether a value is neither to be trimmed nor holds media, as its JSON shows."""
    return len(json) <= MAX_BYTES and not may_hold_media(json)
