"""Moderations and decisions: calls that answer with a judgement, under names of our own."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.openai.items import content_part, input_messages
from pulse_otel.instrumentation.openai.tokens import USAGE
from pulse_otel.instrumentation.reading import (
    Rule,
    extract,
    generic,
    given,
    items,
    other_parameters,
    parts_of,
    read,
    text,
)
from pulse_otel.values import plain

_RESPONSE: tuple[Rule, ...] = (
    (("id",), semconv.RESPONSE_ID, text),
    (("model",), semconv.RESPONSE_MODEL, text),
    *USAGE,
)
Reading = Callable[[Any], dict[str, Any]]

_QUESTIONS = ("questions", "prompt_cache_key", "prompt_cache_options", "safety_identifier")


def read_moderation_request(request: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """The attributes of a request: one message, of one text, several texts, or blocks."""
    if not content or not given(request.get("input")):
        return {}
    parts = parts_of(request["input"], _block)
    return {semconv.INPUT_MESSAGES: [{"role": "user", "parts": parts}]}


def _block(block: Any) -> dict[str, Any]:
    """An image stands here as it does in chat."""
    url = read(block, "image_url", "url")
    return content_part({"type": "input_image", "image_url": url} if url else block)


def read_moderation(response: Any, content: bool) -> dict[str, Any]:
    """The attributes of an answer; each result is a part of it."""
    return _answer(response, "results", _result, content)


def read_decision_request(request: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """The attributes of a request: what is judged, and the questions about it."""
    attributes: dict[str, Any] = {semconv.OUTPUT_TYPE: "json"}
    if not content:
        return attributes
    if given(request.get("input")):
        attributes[semconv.INPUT_MESSAGES] = input_messages(request["input"])
    return attributes | other_parameters(request, _QUESTIONS)


def read_decision(response: Any, content: bool) -> dict[str, Any]:
    """The attributes of an answer; each answered question is a part of it."""
    return _answer(response, "answers", _question, content)


def _answer(response: Any, place: str, part: Reading, content: bool) -> dict[str, Any]:
    attributes = extract(response, _RESPONSE)
    found = items(read(response, place)) if content else []
    if found:
        parts = [part(item) for item in found]
        attributes[semconv.OUTPUT_MESSAGES] = [{"role": "assistant", "parts": parts}]
    return attributes


def _result(item: Any) -> dict[str, Any]:
    """What a moderation says of one input: whether it is flagged, for what, and the scores."""
    categories = _named(read(item, "categories"))
    return {
        "type": "moderation",
        "flagged": read(item, "flagged") is True,
        "categories": sorted(name for name, on in categories.items() if on is True),
        "scores": _named(read(item, "category_scores")),
    }


def _named(categories: Any) -> dict[str, Any]:
    """Categories by the SDK's names, also where the body is read: ``self_harm_intent``."""
    found: Any = plain(categories)
    pairs = found.items() if isinstance(found, dict) else ()
    return {re.sub("[/-]", "_", str(name)): value for name, value in pairs}


def _question(item: Any) -> dict[str, Any]:
    """An answer says its own type: predicate, choice, score or refusal."""
    return generic(item)
