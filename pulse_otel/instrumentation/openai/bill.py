"""Read what an answer of OpenAI's dialect says of its bill: tokens, uses of tools, cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.counts import Counts
from pulse_otel.instrumentation.openai.background import shows_end
from pulse_otel.instrumentation.openai.tokens import some
from pulse_otel.instrumentation.reading import fields_of, integer, items, read
from pulse_otel.instrumentation.stated_cost import stated_cost
from pulse_otel.instrumentation.tool_uses import (
    executed_tool_uses,
    response_tool_uses,
    server_tool_uses,
)
from pulse_otel.instrumentation.usage_rules import (
    COUNTS,
    EXECUTES_TOOLS,
    PLACES,
    TOTAL,
    UNPRICED_WRITES,
    WITHOUT_SUM_TEST,
)

_COUNTS = Counts(*((row.path, row.attribute, some if row.positive else integer) for row in COUNTS))


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
        _add_rest_of(integer(fields.get(TOTAL)), found)
    details, *path = UNPRICED_WRITES
    if details in fields and some(read(fields[details], *path)):
        found[semconv.PULSE_COST_UNKNOWN] = "no price of cache writes for 12 hours"
    if "server_tool_use" in fields:
        found |= server_tool_uses(fields)
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
    for place in PLACES:
        first, *rest = place.path
        if first not in answer:
            continue
        if first == "choices":
            found = [read(choice, *rest) for choice in items(answer[first])]
            stated = [usage for usage in found if usage is not None]
            return stated[0] if len(stated) == 1 else None
        usage = read(answer[first], *rest) if rest else answer[first]
        if usage is not None:
            return usage
    return None


def _add_rest_of(total: int | None, found: dict[str, Any]) -> None:
    """Count what is in the total alone as output."""
    given, generated = found.get(semconv.INPUT_TOKENS), found.get(semconv.OUTPUT_TOKENS)
    if total is None or given is None or generated is None or total <= given + generated:
        return
    found[semconv.OUTPUT_TOKENS] = total - given
