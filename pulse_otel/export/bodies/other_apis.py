"""The shapes of embeddings, text completions, images, audio, moderations and decisions.

They are alike: one input under the API's name for it, and one list or text in return.
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.bodies.content import (
    PARAMETERS,
    Content,
    Part,
    answer_text,
    as_string,
    named,
    parameters,
    texts,
    usage,
)

_PARAMETERS = {
    **PARAMETERS,
    semconv.REQUEST_MAX_TOKENS: "max_tokens",
    semconv.REQUEST_STOP_SEQUENCES: "stop",
}
_RESPONSE = {semconv.RESPONSE_ID: "id", semconv.RESPONSE_MODEL: "model"}
_USAGE = {semconv.INPUT_TOKENS: "input_tokens", semconv.OUTPUT_TOKENS: "output_tokens"}

_EMBEDDINGS = {**PARAMETERS, semconv.EMBEDDINGS_DIMENSIONS: "dimensions"}

# Operation -> the fields of the input and of the output
FIELDS: dict[str, tuple[str, str]] = {
    semconv.OPERATION_TEXT_COMPLETION: ("prompt", "choices"),
    semconv.OPERATION_IMAGE_GENERATION: ("prompt", "data"),
    semconv.OPERATION_IMAGE_EDIT: ("prompt", "data"),
    semconv.OPERATION_IMAGE_VARIATION: ("image", "data"),
    semconv.OPERATION_TRANSCRIPTION: ("file", "text"),
    semconv.OPERATION_SPEECH_TRANSLATION: ("file", "text"),
    semconv.OPERATION_SPEECH: ("input", "audio"),
    semconv.OPERATION_MODERATION: ("input", "results"),
    semconv.OPERATION_CLASSIFICATION: ("input", "answers"),
}


@dataclass(frozen=True, slots=True)
class OtherApi:
    """An API with one input and one output field, named by `fields`."""

    fields: tuple[str, str]

    def request(self, attributes: Mapping[str, Any], content: Content) -> dict[str, Any]:
        """Return the request body; one part is a value, several parts are a list."""
        body = parameters(attributes, content, _PARAMETERS)
        parts = content.input_parts()
        plain = texts(parts)
        if not parts:
            return body
        given = [_block(part) for part in parts] if plain is None else plain
        return {**body, self.fields[0]: given[0] if len(given) == 1 else given}

    def response(self, attributes: Mapping[str, Any], content: Content) -> dict[str, Any]:
        """Return the response body."""
        body = named(attributes, _RESPONSE)
        if content.output:
            body[self.fields[1]] = self._answer(content)
        return body | usage(attributes, _USAGE)

    def _answer(self, content: Content) -> Any:
        name = self.fields[1]
        if name == "text":
            return answer_text(content.output)
        if name == "choices":
            return [_choice(index, m, content) for index, m in enumerate(content.output)]
        return [_block(part) for part in content.output_parts()]


def _choice(index: int, message: dict[str, Any], content: Content) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": index, "text": answer_text([message]) or ""}
    reason = content.finish_reason(index, {})
    return {**choice, "finish_reason": reason} if reason else choice


def _block(part: Part) -> Part:
    """Return a part as it is; only a text has another name here."""
    return {"type": "text", "text": part.get("content")} if part.get("type") == "text" else part


class Embeddings:
    """``input``, parameters; ``model``, ``usage``. Vectors are never recorded."""

    def request(self, attributes: Mapping[str, Any], content: Content) -> dict[str, Any]:
        """Return the request body."""
        body = parameters(attributes, content, _EMBEDDINGS)
        formats: Any = attributes.get(semconv.REQUEST_ENCODING_FORMATS)
        if isinstance(formats, (list, tuple)) and formats:
            body.setdefault("encoding_format", formats[0])
        texts = [as_string(part.get("content") or "") for part in content.input_parts()]
        return {**body, "input": texts} if texts else body

    def response(self, attributes: Mapping[str, Any], content: Content) -> dict[str, Any]:
        """Return the response body."""
        body = named(attributes, {semconv.RESPONSE_MODEL: "model"})
        return body | usage(attributes, {semconv.INPUT_TOKENS: "prompt_tokens"})
