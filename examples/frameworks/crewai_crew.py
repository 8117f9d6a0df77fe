"""Record CrewAI: a crew of one agent with a tool, and a call.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/frameworks/crewai_crew.py
"""

from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool

import pulse_otel

# Pulse: every client of the SDK, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()

QUESTION = "What is the weather in Paris?"


@tool("weather")
def weather(city: str) -> str:
    """Say what the weather is like."""
    return f"22 degrees in {city}"


model = LLM(model="gpt-4o-mini")

with pulse_otel.session("agent", user_id="ada"):
    forecaster = Agent(
        role="Forecaster", goal="Tell the weather", backstory="Exact.", llm=model, tools=[weather]
    )
    task = Task(description=QUESTION, expected_output="A sentence", agent=forecaster)
    print(Crew(agents=[forecaster], tasks=[task]).kickoff())

with pulse_otel.session("call", user_id="ada"):
    print(model.call(QUESTION))
