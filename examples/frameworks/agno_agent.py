"""Record Agno: an agent with a tool, one without, a stream.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/frameworks/agno_agent.py
"""

from agno.agent import Agent
from agno.models.openai import OpenAIChat

import pulse_otel

# Pulse: every client of the SDK, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()

QUESTION = "What is the weather in Paris?"


def weather(city: str) -> str:
    """Say what the weather is like."""
    return f"22 degrees in {city}"


forecaster = Agent(name="forecaster", model=OpenAIChat(id="gpt-4o-mini"), tools=[weather])
guide = Agent(name="guide", model=OpenAIChat(id="gpt-4o-mini"))

with pulse_otel.session("agent", user_id="ada"):
    print(forecaster.run(QUESTION).content)

with pulse_otel.session("call", user_id="ada"):
    print(guide.run(QUESTION).content)

with pulse_otel.session("stream", user_id="ada"):
    for event in guide.run(QUESTION, stream=True):
        print(event.content or "", end="")
