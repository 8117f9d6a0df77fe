"""Record LangChain and LangGraph: an agent with a tool, a call, a stream.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/frameworks/langchain_agent.py
"""

from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI

import pulse_otel

# Pulse: every client of both SDKs, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()
pulse_otel.AnthropicInstrumentor().instrument()

QUESTION = "What is the weather in Paris?"


def weather(city: str) -> str:
    """Say what the weather is like."""
    return f"22 degrees in {city}"


with pulse_otel.session("agent", user_id="ada"):
    agent = create_agent(ChatOpenAI(model="gpt-4o-mini"), tools=[weather])
    answer = agent.invoke({"messages": [{"role": "user", "content": QUESTION}]})
    print(answer["messages"][-1].content)

with pulse_otel.session("call", user_id="ada"):
    print(ChatAnthropic(model="claude-haiku-4-5").invoke(QUESTION).content)

with pulse_otel.session("stream", user_id="ada"):
    for chunk in ChatOpenAI(model="gpt-4o-mini").stream(QUESTION):
        print(chunk.content, end="")
