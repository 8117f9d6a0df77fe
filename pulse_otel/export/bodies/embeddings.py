"""The shape of the Embeddings API; vectors are never recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.bodies.chat import token_counts
from pulse_otel.export.bodies.content import (
    Content,
    as_string,
    dicts,
    named,
    parameters,
    parts_of,
    texts_of,
)

_PARAMETERS = {semconv.EMBEDDINGS_DIMENSIONS: "dimensions"}
_FORMATS = semconv.REQUEST_ENCODING_FORMATS
_RESPONSE = {semconv.RESPONSE_MODEL: "model"}
_USAGE = {semconv.INPUT_TOKENS: "prompt_tokens"}


class Embeddings:
    """``input``, parameters; ``model``, ``usage``."""

    def request(self, attributes: Mapping[str, Any], content: Content) -> dict[str, Any]:
        """The request body."""
        body = parameters(attributes, content, _PARAMETERS)
        texts = [
            as_string(part.get("content") or "")
            for message in dicts(content.input)
            for part in parts_of(message)
        ]
        formats = texts_of(attributes.get(_FORMATS))
        if formats:
            body.setdefault("encoding_format", formats[0])
        return {**body, "input": texts} if texts else body

    def response(self, attributes: Mapping[str, Any], content: Content) -> dict[str, Any]:
        """The response body."""
        body = named(attributes, _RESPONSE)
        usage = token_counts(attributes, _USAGE, {})
        return {**body, "usage": usage} if usage else body
