"""Read embeddings. Vectors are never recorded. The conventions have no attribute for the input:
it is one of the request's other parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.openai.completions import texts
from pulse_otel.instrumentation.openai.media import base64_bytes
from pulse_otel.instrumentation.reading import (
    Rules,
    filled,
    integer,
    items,
    read,
    strings,
)
from pulse_otel.instrumentation.request_reader import RequestReader

_FLOAT_BYTES = 4  # of one dimension, where vectors are sent as base64

_REQUEST = Rules(
    (("dimensions",), semconv.EMBEDDINGS_DIMENSIONS, integer),
    # As it is sent: the SDK asks for base64 if the caller gave no format.
    (("encoding_format",), semconv.REQUEST_ENCODING_FORMATS, strings),
)
_RESPONSE = Rules(
    (("model",), semconv.RESPONSE_MODEL, filled),
)


_reader = RequestReader(_REQUEST)


def read_request(request: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """Return the attributes of a request; the input is a parameter, a single text stays text."""
    given = request.get("input")
    shown = given if isinstance(given, str) else texts(given)
    return _reader({**request, "input": shown or None}, content)


def read_response(response: Any, content: bool) -> dict[str, Any]:
    """Return the attributes of a response, among them the length of its vectors."""
    attributes = _RESPONSE.extract(response)
    vectors = items(read(response, "data"))
    size = _dimensions(read(vectors[0], "embedding")) if vectors else 0
    return {**attributes, semconv.EMBEDDINGS_DIMENSIONS: size} if size else attributes


def _dimensions(vector: Any) -> int:
    if isinstance(vector, str):
        return base64_bytes(vector) // _FLOAT_BYTES
    return len(items(vector))
