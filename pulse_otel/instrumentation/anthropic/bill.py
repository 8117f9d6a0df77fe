"""Read what a message says of its bill: tokens, uses of server tools, place and speed, cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.openai.tokens import some
from pulse_otel.instrumentation.reading import (
    Rules,
    fields_of,
    filled,
    integer,
    items,
    read,
    text,
)
from pulse_otel.instrumentation.stated_cost import stated_cost
from pulse_otel.instrumentation.tool_uses import as_attribute, container_uses, server_tool_uses
from pulse_otel.instrumentation.usage_rules import MESSAGE_COUNTS

# `cache_creation` is in `message_start` alone.
_COUNTS = Rules(
    *((row.path, row.attribute, some if row.positive else integer) for row in MESSAGE_COUNTS)
)
# https://platform.claude.com/docs/en/build-with-claude/fast-mode (speed)
# https://platform.claude.com/docs/en/api/service-tiers (tier and place)
_FACTS = Rules(
    (("output_tokens_details", "thinking_tokens"), semconv.REASONING_TOKENS, integer),
    (("service_tier",), semconv.PULSE_SERVICE_TIER, filled),
    (("speed",), semconv.PULSE_SPEED, filled),
    (("inference_geo",), semconv.PULSE_INFERENCE_GEO, filled),
)


# Kinds of iterations of the model itself: those that the totals sum up, and all of them.
_SUMMED = ("message", "fallback_message")
_OWN = (*_SUMMED, "compaction")


def read_bill(message: Any, provider: str, headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a message's bill, whole or assembled."""
    usage = read(message, "usage")
    if usage is None:
        return {}
    fields = fields_of(usage)
    found = _counts(fields) | _FACTS.extract(fields)
    if semconv.INPUT_TOKENS in found and semconv.OUTPUT_TOKENS not in found:
        # The stream ended before its `message_delta`.
        found[semconv.PULSE_COST_UNKNOWN] = "the output tokens are not known"
    if fields.get("server_tool_use") is not None:
        found |= server_tool_uses(fields)
    content = read(message, "content")
    if len(items(content)) > 1 and (codes := container_uses(content)):
        found |= as_attribute({**codes, **found.get(semconv.PULSE_TOOL_USES, {})})
    if "iterations" in fields:
        _add_iterations(found, fields, read(message, "model"))
    return found | stated_cost(fields, provider, headers)


def _counts(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tokens of a usage. The API's input leaves the cache out; our total includes it."""
    found = _COUNTS.extract(fields)
    fresh = integer(fields.get("input_tokens"))
    if fresh is not None:
        cached = found.get(semconv.CACHE_READ_TOKENS, 0) + found.get(semconv.CACHE_WRITE_TOKENS, 0)
        found[semconv.INPUT_TOKENS] = fresh + cached
    return found


def _add_iterations(found: dict[str, Any], fields: Mapping[str, Any], model: Any) -> None:
    """Add the tokens of iterations that the totals leave out, and keep apart those of each.

    Those of compactions are of the same model, those of advisors of another one. An iteration of a
    model that declined, and a credit for one, change the price in ways that the usage does not say.
    (The SDK's docstrings of `BetaUsage` and of the iterations.)
    """
    iterations = [
        (text(read(item, "type")), text(read(item, "model")), _counts(fields_of(item)))
        for item in items(fields.get("iterations"))
    ]
    own = [counts for kind, _, counts in iterations if kind in _SUMMED]
    advice = [
        {"model": name, **counts} for kind, name, counts in iterations if kind == "advisor_message"
    ]
    if _repriced(fields, iterations, text(model)):
        found[semconv.PULSE_COST_UNKNOWN] = "another model declined before"
    elif advice and _sum(own) != found.get(semconv.OUTPUT_TOKENS):
        found[semconv.PULSE_COST_UNKNOWN] = "whether the totals have the advisor's tokens"
    elif advice:
        found[semconv.PULSE_OTHER_MODELS] = advice
    for kind, _, counts in iterations:
        if kind == "compaction":
            for name, count in counts.items():
                found[name] = found.get(name, 0) + count
    samplings = [counts for kind, _, counts in iterations if kind in _OWN]
    if len(samplings) > 1:
        found[semconv.PULSE_SAMPLINGS] = samplings


def _sum(iterations: list[dict[str, Any]]) -> int:
    return sum(counts.get(semconv.OUTPUT_TOKENS, 0) for counts in iterations)


def _repriced(fields: Mapping[str, Any], iterations: list[Any], model: str | None) -> bool:
    status = read(fields, "fallback_credit", "status")
    redeemed = "redeemed" in (status, read(status, "type"))
    fell_back = any(kind == "fallback_message" for kind, _, _ in iterations)
    declined = any(
        kind == "message" and (fell_back or (name and name != model))
        for kind, name, _ in iterations
    )
    return redeemed or declined
