"""Read what an answer of OpenAI's dialect says of its bill: tokens, uses of tools, cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.openai.background import shows_end
from pulse_otel.instrumentation.openai.tokens import some
from pulse_otel.instrumentation.reading import Rules, fields_of, integer, items, read
from pulse_otel.instrumentation.stated_cost import stated_cost
from pulse_otel.instrumentation.tool_uses import (
    as_attribute,
    executed_tool_uses,
    response_tool_uses,
    server_tool_uses,
)
from pulse_otel.instrumentation.usage_rules import (
    COUNTS,
    EXECUTES_TOOLS,
    GENERATES_REST,
    PLACES,
    REST_IS_AUDIO,
    REST_IS_CACHE,
    TOTAL,
    UNPRICED_WRITES,
    USES,
    WITHOUT_SUM_TEST,
)

_PLACES = tuple((row.path[0], row.path[1:]) for row in PLACES)
_GENERATED = ("choices", "output")  # answers with one of them have generated something
_COUNTS = Rules(
    *((row.path, row.attribute, some if row.positive else integer) for row in COUNTS),
    (
        UNPRICED_WRITES,
        semconv.PULSE_COST_UNKNOWN,
        lambda count: "no price of cache writes for 12 hours" if some(count) else None,
    ),
)


def read_bill(answer: Any, provider: str, headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of an answer's bill, whole or assembled.

    `headers` are those of a whole answer: before a stream, nothing is known of its bill.
    """
    whole = fields_of(answer)
    usage = _usage(whole)
    if usage is None:
        return stated_cost({}, provider, headers) if headers else {}
    fields = fields_of(usage)
    found = _COUNTS.extract(fields)
    if provider not in WITHOUT_SUM_TEST:
        _explain_total(integer(fields.get(TOTAL)), found, provider, whole)
    if fields.get("server_tool_use") is not None:
        found |= server_tool_uses(fields)
    if not USES.keys().isdisjoint(fields):
        found |= as_attribute({USES[name][0]: integer(fields.get(name)) for name in USES})
    if provider in EXECUTES_TOOLS:
        found |= executed_tool_uses(whole)
    if "output" in whole:
        found |= response_tool_uses(whole)
    return found | stated_cost(fields, provider, headers)


def read_bill_of_retrieved(
    response: Any, provider: str, headers: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the bill of a background response that ended; others were billed at creation."""
    return read_bill(response, provider, headers) if shows_end(response) else {}


def _usage(answer: Mapping[str, Any]) -> Any:
    """Return the usage at the first of its places; of choices, only if they have one in all."""
    for first, rest in _PLACES:
        usage = answer.get(first)
        if usage is not None and first == "choices":
            found = [read(choice, *rest) for choice in items(usage)]
            stated = [usage for usage in found if usage is not None]
            return stated[0] if len(stated) == 1 else None
        if usage is not None and rest:
            usage = read(usage, *rest)
        if usage is not None:
            return usage
    return None


def _explain_total(
    total: int | None, found: dict[str, Any], provider: str, answer: Mapping[str, Any]
) -> None:
    """Say what the total counts beside input and output; without an explanation, no cost."""
    given, generated = found.get(semconv.INPUT_TOKENS), found.get(semconv.OUTPUT_TOKENS)
    if given is None or (generated is not None and total == given + generated):
        return
    rest = max(0, (total or 0) - given - (generated or 0))
    if generated is None:
        _complete(total, rest, found, provider, answer)
    elif rest:
        _explain(rest, found, provider)


def _complete(
    total: int | None, rest: int, found: dict[str, Any], provider: str, answer: Mapping[str, Any]
) -> None:
    """Count the rest of the total as output, which the usage does not state."""
    if not any(name in answer for name in _GENERATED):
        return  # such as embeddings
    if total is not None and provider in GENERATES_REST:
        found[semconv.OUTPUT_TOKENS] = rest
    else:
        found.setdefault(semconv.PULSE_COST_UNKNOWN, "the output tokens are not known")


def _explain(rest: int, found: dict[str, Any], provider: str) -> None:
    cached = sum(found.get(name, 0) for name in REST_IS_CACHE[0])
    if provider in GENERATES_REST or rest == found.get(semconv.REASONING_TOKENS):
        found[semconv.OUTPUT_TOKENS] += rest
    elif rest == cached:
        found[semconv.INPUT_TOKENS] += rest
    elif REST_IS_AUDIO[0] not in found:
        reason = "what the total has beside input and output"
        found.setdefault(semconv.PULSE_COST_UNKNOWN, reason)
