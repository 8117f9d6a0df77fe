"""The shapes of text completions, images, audio, moderations and decisions.

They are alike: one input under the API's name for it, one list or text that comes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pulse_otel import semconv
from pulse_otel.export.bodies.chat import token_counts
from pulse_otel.export.bodies.content import (
    Content,
    Part,
    answer_text,
    dicts,
    named,
    parameters,
    parts_of,
    texts,
)

_PARAMETERS = {
    semconv.REQUEST_MAX_TOKENS: "max_tokens",
    semconv.REQUEST_STOP_SEQUENCES: "stop",
}
_RESPONSE = {semconv.RESPONSE_ID: "id", semconv.RESPONSE_MODEL: "model"}
_USAGE = {semconv.INPUT_TOKENS: "input_tokens", semconv.OUTPUT_TOKENS: "output_tokens"}

# Operation -> the field of what goes in, and of what comes out
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
    """`fields`: of what goes in, and of what comes out."""

    fields: tuple[str, str]

    def request(self, attributes: Mapping[str, Any], content: Content) -> dict[str, Any]:
        """The request body; one text is a text, files and texts together are a list."""
        body = parameters(attributes, content, _PARAMETERS)
        parts = [part for message in dicts(content.input) for part in parts_of(message)]
        plain = texts(parts)
        if not parts:
            return body
        given = [_block(part) for part in parts] if plain is None else plain
        return {**body, self.fields[0]: given[0] if len(given) == 1 else given}

    def response(self, attributes: Mapping[str, Any], content: Content) -> dict[str, Any]:
        """The response body."""
        body = named(attributes, _RESPONSE)
        output = dicts(content.output)
        if output:
            body[self.fields[1]] = self._answer(output, content)
        usage = token_counts(attributes, _USAGE, {})
        return {**body, "usage": usage} if usage else body

    def _answer(self, output: list[dict[str, Any]], content: Content) -> Any:
        name = self.fields[1]
        if name == "text":
            return answer_text(output)
        if name == "choices":
            return [_choice(index, message, content) for index, message in enumerate(output)]
        return [_block(part) for message in output for part in parts_of(message)]


def _choice(index: int, message: dict[str, Any], content: Content) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": index, "text": answer_text([message]) or ""}
    reason = content.finish_reason(index, {})
    return {**choice, "finish_reason": reason} if reason else choice


def _block(part: Part) -> Part:
    """Parts of these APIs describe media already; only a text has another name here."""
    return {"type": "text", "text": part.get("content")} if part.get("type") == "text" else part
