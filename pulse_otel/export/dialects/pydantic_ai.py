"""pydantic-ai: the current conventions, and the forms of its earlier versions."""

from __future__ import annotations

from pulse_otel import semconv
from pulse_otel.export.dialects import genai, parts
from pulse_otel.export.dialects.dialect import DOLLARS, Dialect
from pulse_otel.export.dialects.source import Attributes, Source, as_text, at, dicts, loose_json

_FINAL = "final_result"
_ALL_MESSAGES = ("pydantic_ai.all_messages", "all_messages_events")


def _read(source: Source) -> Attributes:
    if _is_agent(source):
        return _agent(source)
    found: Attributes = {}
    if source.get(semconv.INPUT_MESSAGES) is None:
        found = genai.from_json(source.json("events"))
    tools = dicts(at(source.json("model_request_parameters"), "function_tools"))
    if tools and source.get(semconv.TOOL_DEFINITIONS) is None:
        found[semconv.TOOL_DEFINITIONS] = [parts.tool(tool) for tool in tools]
    return found


def _is_agent(source: Source) -> bool:
    by_name = source.name == "agent run" or source.name.startswith("invoke_agent")
    return by_name or source.get(semconv.OPERATION_NAME) == semconv.OPERATION_INVOKE_AGENT


def _agent(source: Source) -> Attributes:
    """Read an agent: its messages are those of all its calls, its usage is the sum of theirs."""
    found: Attributes = {semconv.OPERATION_NAME: semconv.OPERATION_INVOKE_AGENT}
    messages = dicts(source.json(_ALL_MESSAGES[0]))
    if messages:
        found[semconv.INPUT_MESSAGES] = messages
    else:
        found |= genai.from_json(source.json(_ALL_MESSAGES[1]))
    final = loose_json(source.get(_FINAL))
    if final is not None:
        text = as_text(final) or as_text(source.get(_FINAL))
        found[semconv.OUTPUT_MESSAGES] = [{"role": "assistant", "parts": parts.content(text)}]
    return found


PYDANTIC_AI = Dialect(
    name="pydantic-ai",
    crosswalk={
        DOLLARS: ("operation.cost",),
        semconv.TIME_TO_FIRST_CHUNK: (
            semconv.TIME_TO_FIRST_CHUNK,
            "gen_ai.client.operation.time_to_first_chunk",
        ),
        semconv.AGENT_NAME: (semconv.AGENT_NAME, "agent_name"),
        semconv.TOOL_CALL_ARGUMENTS: (semconv.TOOL_CALL_ARGUMENTS, "tool_arguments"),
        semconv.TOOL_CALL_RESULT: (semconv.TOOL_CALL_RESULT, "tool_response"),
        semconv.INPUT_TOKENS: (semconv.INPUT_TOKENS, "gen_ai.aggregated_usage.input_tokens"),
        semconv.OUTPUT_TOKENS: (semconv.OUTPUT_TOKENS, "gen_ai.aggregated_usage.output_tokens"),
    },
    read=_read,
    used_up=("gen_ai.usage.details.", "gen_ai.aggregated_usage."),
)
