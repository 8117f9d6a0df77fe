"""Record AutoGen: an agent with a tool, a call, a stream.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/frameworks/autogen_agent.py
"""

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import UserMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient

import pulse_otel

# Pulse: every client of the SDK, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()

QUESTION = "What is the weather in Paris?"


async def weather(city: str) -> str:
    """Say what the weather is like."""
    return f"22 degrees in {city}"


async def main() -> None:
    model = OpenAIChatCompletionClient(model="gpt-4o-mini")
    asked = [UserMessage(content=QUESTION, source="user")]
    with pulse_otel.session("agent", user_id="ada"):
        agent = AssistantAgent(
            "forecaster", model_client=model, tools=[weather], reflect_on_tool_use=True
        )
        print((await agent.run(task=QUESTION)).messages[-1])
    with pulse_otel.session("call", user_id="ada"):
        print((await model.create(asked)).content)
    with pulse_otel.session("stream", user_id="ada"):
        async for piece in model.create_stream(asked):
            print(piece)
    await model.close()


asyncio.run(main())
