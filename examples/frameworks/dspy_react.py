"""Record DSPy: ReAct with a tool, and a prediction.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/frameworks/dspy_react.py
"""

import dspy

import pulse_otel

# Pulse: every client of the SDK, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()

QUESTION = "What is the weather in Paris?"


def weather(city: str) -> str:
    """Say what the weather is like."""
    return f"22 degrees in {city}"


dspy.configure(lm=dspy.LM("openai/gpt-4o-mini", cache=False))

with pulse_otel.session("agent", user_id="ada"):
    print(dspy.ReAct("question -> answer", tools=[weather])(question=QUESTION).answer)

with pulse_otel.session("call", user_id="ada"):
    print(dspy.Predict("question -> answer")(question=QUESTION).answer)
