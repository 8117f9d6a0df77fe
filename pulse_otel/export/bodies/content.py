"""The content of a span, parsed, and the helpers that all shapes share."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pulse_otel import semconv
from pulse_otel.values import to_json

Part = dict[str, Any]


class Content(NamedTuple):
    """Messages, tools and parameters as GenAI structures; `input` is None if none was recorded."""

    system: list[Part]
    input: list[dict[str, Any]] | None
    output: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    parameters: Mapping[str, Any]
    raw_finish_reasons: Sequence[str]
    finish_reasons: Sequence[str]

    def input_parts(self) -> list[Part]:
        """Return the parts of all input messages."""
        return [part for message in self.input or () for part in parts_of(message)]

    def output_parts(self) -> list[Part]:
        """Return the parts of all output messages."""
        return [part for message in self.output for part in parts_of(message)]

    def finish_reason(self, index: int, words: Mapping[str, str]) -> str | None:
        """Return the provider's word; `words` translates if only the conventions' is known."""
        if index < len(self.raw_finish_reasons) and self.raw_finish_reasons[index]:
            return self.raw_finish_reasons[index]
        if index < len(self.finish_reasons):
            known = self.finish_reasons[index]
            return words.get(known, known)
        return None


PARAMETERS = {
    semconv.REQUEST_MODEL: "model",
    semconv.REQUEST_TEMPERATURE: "temperature",
    semconv.REQUEST_TOP_P: "top_p",
    semconv.REQUEST_TOP_K: "top_k",
    semconv.REQUEST_FREQUENCY_PENALTY: "frequency_penalty",
    semconv.REQUEST_PRESENCE_PENALTY: "presence_penalty",
    semconv.REQUEST_SEED: "seed",
    semconv.REQUEST_CHOICE_COUNT: "n",
    semconv.REQUEST_STREAM: "stream",
    semconv.OPENAI_REQUEST_SERVICE_TIER: "service_tier",
}
"""The names of a request's parameters that most shapes share."""


def parameters(
    attributes: Mapping[str, Any], content: Content, names: Mapping[str, str]
) -> dict[str, Any]:
    """Return the request's parameters, by the shape's `names`."""
    body = named(attributes, names)
    for name, value in body.items():
        if isinstance(value, tuple):
            body[name] = list(value)
    body.update(content.parameters)
    return body


def named(attributes: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the attributes that are present, by other names."""
    found: dict[str, Any] = {}
    for key, name in names.items():
        if key in attributes and (value := attributes[key]) is not None:
            found[name] = value
    return found


def usage(
    attributes: Mapping[str, Any],
    names: Mapping[str, str],
    details: Mapping[str, tuple[str, str]] = {},
) -> dict[str, Any]:
    """Return ``{"usage": ...}`` with the totals and what they consist of, if any is known.

    `details` are the places of the latter.
    """
    counts = named(attributes, names)
    if len(counts) == len(names):
        counts["total_tokens"] = sum(counts.values())
    for key, (name, below) in details.items():
        if key in attributes and (count := attributes[key]) is not None:
            counts.setdefault(name, {})[below] = count
    return {"usage": counts} if counts else {}


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def parts_of(message: Mapping[str, Any]) -> list[Part]:
    """Return the parts of a message."""
    return _dicts(message.get("parts"))


def only_text(parts: Any) -> str | None:
    """Return the text of `parts` if there is nothing else, as in most messages; else None."""
    part: Any = parts[0] if type(parts) is list and len(parts) == 1 else None
    if type(part) is not dict or len(part) != 2:
        return None
    text = part.get("content")
    return text if part.get("type") == "text" and isinstance(text, str) else None


def texts(parts: list[Part]) -> list[str] | None:
    """Return the texts of `parts`; None if a part is not a text."""
    if any(part.get("type") != "text" for part in parts):
        return None
    return [as_string(part.get("content") or "") for part in parts]


def written(parts: list[Part], block: Callable[[Part], Any]) -> Any:
    """Return a single text as plain text, anything else as a list of blocks."""
    text = only_text(parts)
    if text is not None:
        return text
    plain = texts(parts)
    if plain is not None and len(plain) <= 1:
        return plain[0] if plain else ""
    return [block(part) for part in parts]


def as_string(value: object) -> str:
    """Return a text as it is, anything else as JSON text."""
    return value if isinstance(value, str) else to_json(value)


def answer_text(output: list[dict[str, Any]]) -> str | None:
    """Return the text of the first answer that has one, or else of the first refusal."""
    if output and (only := only_text(output[0].get("parts"))):
        return only
    for kind in ("text", "refusal"):
        for message in output:
            pieces = [part.get("content") for part in parts_of(message) if part.get("type") == kind]
            text = "".join(piece for piece in pieces if isinstance(piece, str))
            if text:
                return text
    return None
