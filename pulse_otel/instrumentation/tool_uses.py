"""Count the uses of a provider's own tools that its answer states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.reading import Rules, fields_of, integer, items, read, text

_ENDING = "_requests"


def server_tool_uses(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attribute for the counts in `server_tool_use`: Anthropic's, DeepSeek's.

    https://platform.claude.com/docs/en/about-claude/pricing: a search that fails is not counted.
    """
    counts = fields_of(usage["server_tool_use"])
    uses = {name.removesuffix(_ENDING): integer(value) for name, value in counts.items()}
    return as_attribute(uses)


# The item of a Responses answer for one use -> the tool.
# https://platform.openai.com/docs/pricing (built-in tools)
_ITEMS = {
    "file_search_call": "file_search",
    "code_interpreter_call": "code_interpreter",
}
_SEARCH = "web_search"
_TOOL_ITEMS = frozenset((*_ITEMS, "web_search_call"))


def response_tool_uses(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes for the tools that an answer of the Responses API used.

    `tool_usage` states billable searches and the tokens of the image tool; those stand outside of
    the usage. (The SDK's docstring of `ToolUsage`.)
    """
    output, usage = items(response.get("output")), response.get("tool_usage")
    kinds = [text(read(item, "type")) for item in output]
    if usage is None and _TOOL_ITEMS.isdisjoint(kinds):
        return {}
    uses: dict[str, int | None] = {name: kinds.count(kind) for kind, name in _ITEMS.items()}
    stated = integer(read(usage, "web_search", "num_requests"))
    if stated is None and "web_search_call" in kinds:
        stated = sum(read(item, "action", "type") == "search" for item in output)
    if stated:
        uses[_search_tool(response)] = stated
    found = as_attribute(uses)
    image = read(usage, "image_gen")
    if any(integer(read(image, name)) for name in ("input_tokens", "output_tokens")):
        found |= _image_tokens(response, image)
    return found


def _search_tool(response: Mapping[str, Any]) -> str:
    """Return the search's name: the preview has another price for models that do not reason."""
    asked = [text(read(tool, "type")) or "" for tool in items(response.get("tools"))]
    previews = any(name.startswith("web_search_preview") for name in asked)
    return "web_search_preview" if previews else _SEARCH


_IMAGE_COUNTS = Rules(
    (("input_tokens",), semconv.INPUT_TOKENS, integer),
    (("output_tokens",), semconv.OUTPUT_TOKENS, integer),
    (("input_tokens_details", "image_tokens"), semconv.INPUT_IMAGE_TOKENS, integer),
    (("output_tokens_details", "image_tokens"), semconv.OUTPUT_IMAGE_TOKENS, integer),
    (("cached_tokens",), semconv.CACHE_READ_TOKENS, integer),
)


def _image_tokens(response: Mapping[str, Any], image: Any) -> dict[str, Any]:
    tools = items(response.get("tools"))
    models = {text(read(t, "model")) for t in tools if read(t, "type") == "image_generation"}
    model = models.pop() if len(models) == 1 else None
    if not model:
        return {semconv.PULSE_COST_UNKNOWN: "the image tool's model is not stated"}
    return {semconv.PULSE_OTHER_MODELS: [{"model": model, **_IMAGE_COUNTS.extract(image)}]}


def executed_tool_uses(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attribute for the tools that the host executed itself, and bills apart.

    A stream repeats a tool with its result. (`executed_tools` of Groq's SDK.)
    """
    uses = {
        (choice_index, integer(read(tool, "index")), text(read(tool, "type")) or "unknown")
        for choice_index, choice in enumerate(items(answer.get("choices")))
        for tool in items(read(choice, "message", "executed_tools"))
    }
    return as_attribute(Counter(kind for _, _, kind in uses))


def as_attribute(uses: Mapping[str, int | None]) -> dict[str, Any]:
    """Return the attribute for the counts above 0."""
    used = {name: count for name, count in uses.items() if count}
    return {semconv.PULSE_TOOL_USES: used} if used else {}
