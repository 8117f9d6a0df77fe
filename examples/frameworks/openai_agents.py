"""Record the OpenAI Agents SDK: an agent with a tool, one without, a stream.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/frameworks/openai_agents.py
"""

import asyncio

from agents import Agent, Runner, function_tool

import pulse_otel

# Pulse: every client of the SDK, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()

QUESTION = "What is the weather in Paris?"


@function_tool
def weather(city: str) -> str:
    """Say what the weather is like."""
    return f"22 degrees in {city}"


async def main() -> None:
    forecaster = Agent(name="Forecaster", model="gpt-4o-mini", tools=[weather])
    guide = Agent(name="Guide", model="gpt-4o-mini")
    with pulse_otel.session("agent", user_id="ada"):
        print((await Runner.run(forecaster, QUESTION)).final_output)
    with pulse_otel.session("call", user_id="ada"):
        print((await Runner.run(guide, QUESTION)).final_output)
    with pulse_otel.session("stream", user_id="ada"):
        result = Runner.run_streamed(guide, QUESTION)
        async for _ in result.stream_events():
            pass
        print(result.final_output)


asyncio.run(main())
