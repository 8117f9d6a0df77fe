"""Record Google's ADK with models of OpenAI: an agent with a tool, and one without.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/frameworks/adk_agent.py
"""

import asyncio

from google.adk.agents import LlmAgent
from google.adk.models.lite_llm import LiteLlm
from google.adk.runners import InMemoryRunner

import pulse_otel

# Pulse: every client of the SDK, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()

QUESTION = "What is the weather in Paris?"


def weather(city: str) -> str:
    """Say what the weather is like."""
    return f"22 degrees in {city}"


async def main() -> None:
    model = LiteLlm("openai/gpt-4o-mini")
    with pulse_otel.session("agent", user_id="ada"):
        forecaster = LlmAgent(name="forecaster", model=model, tools=[weather])
        await InMemoryRunner(agent=forecaster).run_debug(QUESTION)
    with pulse_otel.session("call", user_id="ada"):
        await InMemoryRunner(agent=LlmAgent(name="guide", model=model)).run_debug(QUESTION)


asyncio.run(main())
