"""The content of a span, parsed, and the small readings that all shapes share."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulse_otel import semconv
from pulse_otel.values import to_json

Part = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """Messages and the like as GenAI structures; None where the span has none."""

    system: Any = None
    input: Any = None
    output: Any = None
    tools: Any = None
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    raw_finish_reasons: list[str] = field(default_factory=list[str])
    finish_reasons: list[str] = field(default_factory=list[str])

    def finish_reason(self, index: int, words: Mapping[str, str]) -> str | None:
        """The provider's own word; where only the conventions' is known, `words` turns it back."""
        if index < len(self.raw_finish_reasons) and self.raw_finish_reasons[index]:
            return self.raw_finish_reasons[index]
        if index < len(self.finish_reasons):
            known = self.finish_reasons[index]
            return words.get(known, known)
        return None


_PARAMETERS = {
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


def parameters(
    attributes: Mapping[str, Any], content: Content, names: Mapping[str, str]
) -> dict[str, Any]:
    """The request's parameters; `names` are those that the shape calls its own way."""
    body = {
        name: list(attributes[key]) if isinstance(attributes[key], tuple) else attributes[key]
        for key, name in {**_PARAMETERS, **names}.items()
        if attributes.get(key) is not None
    }
    return {**body, **content.parameters}


def named(attributes: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The attributes that are there, by other names."""
    return {name: attributes[key] for key, name in names.items() if attributes.get(key) is not None}


def dicts(value: object) -> list[dict[str, Any]]:
    """The dicts in a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def parts_of(message: Mapping[str, Any]) -> list[Part]:
    """The parts of a message."""
    return dicts(message.get("parts"))


def texts(parts: list[Part]) -> list[str] | None:
    """The texts of parts that are texts only; None if there is anything else."""
    if any(part.get("type") != "text" for part in parts):
        return None
    return [as_string(part.get("content") or "") for part in parts]


def written(parts: list[Part], block: Callable[[Part], Any]) -> Any:
    """One text as plain text; anything else as a list of blocks."""
    plain = texts(parts)
    if plain is not None and len(plain) <= 1:
        return plain[0] if plain else ""
    return [block(part) for part in parts]


def texts_of(value: object) -> list[str]:
    """The texts in a list attribute."""
    found = value if isinstance(value, (list, tuple)) else ()
    return [item for item in found if isinstance(item, str)]


def as_string(value: object) -> str:
    """Text as it is, anything else as JSON text."""
    return value if isinstance(value, str) else to_json(value)


def answer_text(output: object) -> str | None:
    """The text of the first answer that has one; a refusal is what was said instead."""
    for kind in ("text", "refusal"):
        for message in dicts(output):
            pieces = [part.get("content") for part in parts_of(message) if part.get("type") == kind]
            text = "".join(piece for piece in pieces if isinstance(piece, str))
            if text:
                return text
    return None


def for_display(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Text-only blocks joined in the last user message and in system messages.

    A page of the service goes blank where it is to show a list there (contract §3.7).
    """
    last = max((i for i, m in enumerate(messages) if m.get("role") == "user"), default=-1)
    return [
        {**message, "content": _joined(message.get("content"))}
        if index == last or message.get("role") in ("system", "developer")
        else message
        for index, message in enumerate(messages)
    ]


def _joined(content: Any) -> Any:
    blocks = dicts(content)
    if not blocks or any(block.get("type") != "text" for block in blocks):
        return content
    return "\n".join(as_string(block.get("text") or "") for block in blocks)
