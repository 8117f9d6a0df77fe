"""Record an agent, written with the SDK and nothing else: one trace with its calls and tools.

export ANTHROPIC_API_KEY=sk-ant-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/agent.py
"""

from __future__ import annotations

import json
from collections.abc import Callable

from anthropic import Anthropic
from anthropic.types import MessageParam, ToolParam, ToolResultBlockParam, ToolUseBlock

from pulse_otel import Provider, init_pulse, observe, session, tool, trace, trace_url

init_pulse()
client = observe(Anthropic(), Provider.ANTHROPIC)
SCHEMA: ToolParam = {
    "name": "find_order",
    "description": "Look an order up.",
    "input_schema": {"type": "object", "properties": {"number": {"type": "string"}}},
}


@tool  # a span with arguments and result, under the id by which the model asked for it
def find_order(number: str) -> dict[str, str]:
    """Look an order up."""
    return {"number": number, "status": "shipped", "carrier": "by sea"}


TOOLS: dict[str, Callable[..., object]] = {"find_order": find_order}


def run(call: ToolUseBlock) -> ToolResultBlockParam:
    """Run the tool that the model asked for."""
    result = TOOLS[call.name](**call.input)
    return {"type": "tool_result", "tool_use_id": call.id, "content": json.dumps(result)}


@trace("handle ticket")  # the trace, with the ticket as its input and the answer as its output
def handle(ticket: str) -> str:
    """Ask the model until it needs no tool any more."""
    messages: list[MessageParam] = [{"role": "user", "content": ticket}]
    while True:
        answer = client.messages.create(
            model="claude-haiku-4-5", max_tokens=500, messages=messages, tools=[SCHEMA]
        )
        calls = [block for block in answer.content if block.type == "tool_use"]
        if not calls:
            return "".join(block.text for block in answer.content if block.type == "text")
        messages.append({"role": "assistant", "content": answer.content})
        messages.append({"role": "user", "content": [run(call) for call in calls]})


with session("customer-7"):
    print(handle("Where is my order 4711?"))
print("Its trace:", trace_url())
