"""Record what Langfuse's drop-in client calls: a tool loop under `@observe`, a call, a stream.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
export LANGFUSE_PUBLIC_KEY=pk-... LANGFUSE_SECRET_KEY=sk-... LANGFUSE_BASE_URL=http://localhost:3001
python examples/frameworks/langfuse_client.py
"""

from typing import Any

from langfuse import observe
from langfuse.openai import OpenAI

import pulse_otel

# Pulse: every client of the SDK, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}
ASKED: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
create = OpenAI().chat.completions.create


@observe(as_type="tool")
def weather(city: str) -> str:
    """Say what the weather is like."""
    return f"22 degrees in {city}"


@observe(as_type="agent")
def agent() -> None:
    message = create(model="gpt-4o-mini", messages=ASKED, tools=[TOOL]).choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": weather("Paris")}
    answer = create(model="gpt-4o-mini", messages=[*ASKED, message, result], tools=[TOOL])
    print(answer.choices[0].message.content)


with pulse_otel.session("agent", user_id="ada"):
    agent()

with pulse_otel.session("call", user_id="ada"):
    print(create(model="gpt-4o-mini", messages=ASKED).choices[0].message.content)

with pulse_otel.session("stream", user_id="ada"):
    for chunk in create(model="gpt-4o-mini", messages=ASKED, stream=True):
        print(chunk.choices[0].delta.content or "" if chunk.choices else "", end="")
