"""Read moderations and decisions, for which we name operations of our own."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.openai.items import content_part, input_messages
from pulse_otel.instrumentation.reading import (
    Rules,
    answer,
    filled,
    generic,
    given,
    items,
    parts_of,
    read,
    user_message,
)
from pulse_otel.instrumentation.request_reader import RequestReader
from pulse_otel.values import plain

_RESPONSE = Rules(
    (("id",), semconv.RESPONSE_ID, filled),
    (("model",), semconv.RESPONSE_MODEL, filled),
)
Reading = Callable[[Any], dict[str, Any]]


# One message: of one text, of several texts, or of blocks.
read_moderation_request = RequestReader(
    Rules(), ("input",), lambda request: user_message(parts_of(request.get("input"), content_part))
)


def _judged(request: Mapping[str, Any]) -> dict[str, Any]:
    judged = request.get("input")
    return {semconv.INPUT_MESSAGES: input_messages(judged)} if given(judged) else {}


read_decision_request = RequestReader(Rules(), ("input",), _judged, {semconv.OUTPUT_TYPE: "json"})


def _answer(place: str, part: Reading, response: Any, content: bool) -> dict[str, Any]:
    """Return the attributes of a response; each item at `place` is a part of the answer."""
    attributes = _RESPONSE.extract(response)
    found = items(read(response, place)) if content else []
    if found:
        parts = [part(item) for item in found]
        attributes |= answer(parts)
    return attributes


def _result(item: Any) -> dict[str, Any]:
    """Convert the result for one input: whether it is flagged, for what, and the scores."""
    categories = _named(read(item, "categories"))
    return {
        "type": "moderation",
        "flagged": read(item, "flagged") is True,
        "categories": sorted(name for name, on in categories.items() if on is True),
        "scores": _named(read(item, "category_scores")),
    }


def _named(categories: Any) -> dict[str, Any]:
    """Name categories as the SDK does, also where the body is read: ``self_harm_intent``."""
    found: Any = plain(categories)
    pairs = found.items() if isinstance(found, dict) else ()
    return {re.sub("[/-]", "_", str(name)): value for name, value in pairs}


read_moderation = partial(_answer, "results", _result)
# An answer to a question has a type of its own: predicate, choice, score or refusal.
read_decision = partial(_answer, "answers", generic)
