"""Record Haystack: an agent with a tool, a pipeline, a stream.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/frameworks/haystack_agent.py
"""

from typing import Annotated

from haystack import Pipeline
from haystack.components.agents import Agent
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.tools import tool

import pulse_otel

# Pulse: every client of the SDK, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()

ASKED = [ChatMessage.from_user("What is the weather in Paris?")]


@tool
def weather(city: Annotated[str, "the city"]) -> str:
    """Say what the weather is like."""
    return f"22 degrees in {city}"


def generator() -> OpenAIChatGenerator:
    return OpenAIChatGenerator(model="gpt-4o-mini")


with pulse_otel.session("agent", user_id="ada"):
    print(Agent(chat_generator=generator(), tools=[weather]).run(ASKED)["last_message"].text)

with pulse_otel.session("call", user_id="ada"):
    pipeline = Pipeline()
    pipeline.add_component("model", generator())
    print(pipeline.run({"model": {"messages": ASKED}})["model"]["replies"][0].text)

with pulse_otel.session("stream", user_id="ada"):
    generator().run(ASKED, streaming_callback=lambda piece: print(piece.content, end=""))
