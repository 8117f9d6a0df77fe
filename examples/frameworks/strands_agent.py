"""Record Strands Agents: an agent with a tool, and one without. Strands streams every call.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/frameworks/strands_agent.py
"""

from strands import Agent, tool
from strands.models.anthropic import AnthropicModel
from strands.models.openai import OpenAIModel

import pulse_otel

# Pulse: every client of both SDKs, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()
pulse_otel.AnthropicInstrumentor().instrument()

QUESTION = "What is the weather in Paris?"


@tool
def weather(city: str) -> str:
    """Say what the weather is like."""
    return f"22 degrees in {city}"


with pulse_otel.session("agent", user_id="ada"):
    print(
        Agent(name="forecaster", model=OpenAIModel(model_id="gpt-4o-mini"), tools=[weather])(
            QUESTION
        )
    )

with pulse_otel.session("stream", user_id="ada"):
    claude = AnthropicModel(model_id="claude-haiku-4-5", max_tokens=100)
    print(Agent(name="guide", model=claude)(QUESTION))
