"""Record smolagents: an agent with a tool, a call, a stream.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/frameworks/smolagents_agent.py
"""

import os

from smolagents import ChatMessage, OpenAIModel, ToolCallingAgent, tool

import pulse_otel

# Pulse: every client of the SDK, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()

QUESTION = "What is the weather in Paris?"


@tool
def weather(city: str) -> str:
    """Say what the weather is like.

    Args:
        city: Where.
    """
    return f"22 degrees in {city}"


model = OpenAIModel("gpt-4o-mini", api_base=os.environ.get("OPENAI_BASE_URL"))
asked = [ChatMessage(role="user", content=QUESTION)]

with pulse_otel.session("agent", user_id="ada"):
    print(ToolCallingAgent(tools=[weather], model=model).run(QUESTION))

with pulse_otel.session("call", user_id="ada"):
    print(model(asked).content)

with pulse_otel.session("stream", user_id="ada"):
    for delta in model.generate_stream(asked):
        print(delta.content or "", end="")
