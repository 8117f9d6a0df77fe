"""Count the uses of a provider's own tools that its answer states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.openai.tokens import svg_tokens
from pulse_otel.instrumentation.reading import Rules, fields_of, integer, items, read, text

_ENDING = "_requests"


def server_tool_uses(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attribute for the counts in `server_tool_use`: Anthropic's, DeepSeek's.

    https://platform.claude.com/docs/en/about-claude/pricing: a search that fails is not counted.
    """
    counts = fields_of(usage["server_tool_use"])
    uses = {name.removesuffix(_ENDING): integer(value) for name, value in counts.items()}
    return as_attribute(uses)


# Items of a Responses answer that are no use of a tool, or of one that the program executes, or
# that costs its tokens alone. Any other `x_call` is a use of the tool x.
# https://platform.openai.com/docs/pricing (built-in tools)
_FREE_ITEMS = frozenset(
    (
        *("message", "reasoning", "compaction", "additional_tools", "program", None),
        *("function_call", "custom_tool_call", "computer_call", "local_shell_call"),
        *("apply_patch_call", "tool_search_call", "mcp_call", "mcp_list_tools"),
        *("mcp_approval_request", "mcp_approval_response"),
    )
)
_CALL = "_call"
_SEARCH = "web_search"
_IMAGE = "image_generation"
_SHELL = "shell"
_CONTAINER = "container"  # how the types of environments start that the provider hosts


def response_tool_uses(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes for the tools that an answer of the Responses API used.

    `tool_usage` states billable searches and the tokens of the image tool; those stand outside of
    the usage. (The SDK's docstring of `ToolUsage`.)
    """
    output, usage = items(response.get("output")), response.get("tool_usage")
    kinds = [text(read(item, "type")) for item in output]
    if usage is None and _FREE_ITEMS.issuperset(kinds):
        return {}
    billed = [kind for kind in kinds if kind and kind not in _FREE_ITEMS and kind.endswith(_CALL)]
    uses: dict[str, int | None] = dict(Counter(kind.removesuffix(_CALL) for kind in billed))
    images, shells = uses.pop(_IMAGE, 0) or 0, uses.pop(_SHELL, 0)
    if shells:
        uses[_SHELL] = sum(_is_hosted(item) for item in output)
    searched = uses.pop(_SEARCH, 0)
    stated = integer(read(usage, "web_search", "num_requests"))
    if stated is None and searched:
        stated = sum(read(item, "action", "type") == "search" for item in output)
    if stated:
        uses[_search_tool(response)] = stated
    found = as_attribute(uses)
    image = read(usage, "image_gen")
    if any(integer(read(image, name)) for name in ("input_tokens", "output_tokens")):
        found |= _image_tokens(response, image)
    elif images > sum(bool(read(item, "svg_usage")) for item in output):
        found[semconv.PULSE_COST_UNKNOWN] = "the tokens of the image tool are not stated"
    drawn = svg_tokens(output).get(semconv.PULSE_OTHER_MODELS, [])
    if drawn:
        found[semconv.PULSE_OTHER_MODELS] = found.get(semconv.PULSE_OTHER_MODELS, []) + drawn
    return found


def _is_hosted(item: Any) -> bool:
    """Return whether `item` is a use of the shell in a container of the provider."""
    environment = text(read(item, "environment", "type")) or ""
    return read(item, "type") == _SHELL + _CALL and environment.startswith(_CONTAINER)


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


# Anthropic's blocks that run code in a container, which is billed by its time.
_CODE = frozenset(("code_execution", "bash_code_execution", "text_editor_code_execution"))


def container_uses(content: Any) -> dict[str, int]:
    """Return the uses of Anthropic's container, which no usage counts.

    Code costs nothing beside the web tools of the versions that call it, or are called by it.
    https://platform.claude.com/docs/en/about-claude/pricing (code execution tool)
    """
    blocks = [block for block in items(content) if read(block, "type") == "server_tool_use"]
    codes = sum(text(read(block, "name")) in _CODE for block in blocks)
    called = any(
        (text(read(b, "caller", "type")) or "").startswith("code_execution") for b in blocks
    )
    return {} if called or not codes else {"code_execution": codes}


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
