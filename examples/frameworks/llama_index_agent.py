"""Record LlamaIndex: an agent with a tool, a call, a stream.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/frameworks/llama_index_agent.py
"""

import asyncio

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.llms.openai import OpenAI

import pulse_otel

# Pulse: every client of the SDK, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()

QUESTION = "What is the weather in Paris?"


def weather(city: str) -> str:
    """Say what the weather is like."""
    return f"22 degrees in {city}"


async def main() -> None:
    model = OpenAI(model="gpt-4o-mini")
    with pulse_otel.session("agent", user_id="ada"):
        agent = FunctionAgent(name="forecaster", tools=[weather], llm=model)
        print(await agent.run(QUESTION))
    with pulse_otel.session("call", user_id="ada"):
        print(await model.acomplete(QUESTION))
    with pulse_otel.session("stream", user_id="ada"):
        async for piece in await model.astream_complete(QUESTION):
            print(piece.delta, end="")


asyncio.run(main())
