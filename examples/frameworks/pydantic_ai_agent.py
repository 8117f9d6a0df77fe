"""Record Pydantic AI: an agent with a tool, one without, a stream.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/frameworks/pydantic_ai_agent.py
"""

import asyncio

from pydantic_ai import Agent

import pulse_otel

# Pulse: every client of both SDKs, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()
pulse_otel.AnthropicInstrumentor().instrument()

QUESTION = "What is the weather in Paris?"


def weather(city: str) -> str:
    """Say what the weather is like."""
    return f"22 degrees in {city}"


async def main() -> None:
    forecaster = Agent("openai-chat:gpt-4o-mini", name="forecaster", tools=[weather])
    guide = Agent("anthropic:claude-haiku-4-5", name="guide")
    with pulse_otel.session("agent", user_id="ada"):
        print((await forecaster.run(QUESTION)).output)
    with pulse_otel.session("call", user_id="ada"):
        print((await guide.run(QUESTION)).output)
    with pulse_otel.session("stream", user_id="ada"):
        async with forecaster.run_stream(QUESTION) as result:
            print(await result.get_output())


asyncio.run(main())
