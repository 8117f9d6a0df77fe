"""Record Semantic Kernel: an agent with a tool, a call, a stream.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/frameworks/semantic_kernel_agent.py
"""

import asyncio

from semantic_kernel.agents import ChatCompletionAgent
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.functions import kernel_function

import pulse_otel

# Pulse: every client of the SDK, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()

QUESTION = "What is the weather in Paris?"


class Almanac:
    @kernel_function(description="Say what the weather is like.")
    def weather(self, city: str) -> str:
        return f"22 degrees in {city}"


async def main() -> None:
    model = OpenAIChatCompletion(ai_model_id="gpt-4o-mini")
    forecaster = ChatCompletionAgent(service=model, name="forecaster", plugins=[Almanac()])
    guide = ChatCompletionAgent(service=model, name="guide")
    with pulse_otel.session("agent", user_id="ada"):
        print(await forecaster.get_response(messages=QUESTION))
    with pulse_otel.session("call", user_id="ada"):
        print(await guide.get_response(messages=QUESTION))
    with pulse_otel.session("stream", user_id="ada"):
        async for piece in guide.invoke_stream(messages=QUESTION):
            print(piece, end="")


asyncio.run(main())
