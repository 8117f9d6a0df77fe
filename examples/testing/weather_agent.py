"""An agent with one tool, tested by test_weather_agent.py.

python examples/testing/weather_agent.py
"""

import json
import os

from openai import OpenAI

from pulse_otel import init_pulse, session, tool, trace

MODEL = "gpt-4o-mini"
SCHEMA = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@tool
def get_weather(city: str) -> dict[str, object]:
    """Look the weather up."""
    return {"city": city, "celsius": 22}


@trace("answer")
def answer(question: str, customer: str) -> str:
    """Ask the model until it needs no tool any more."""
    messages = [{"role": "user", "content": question}]
    with session(customer), OpenAI() as client:
        while True:
            reply = client.chat.completions.create(model=MODEL, messages=messages, tools=[SCHEMA])
            message = reply.choices[0].message
            if not message.tool_calls:
                return message.content
            messages.append(message.to_dict())
            for asked in message.tool_calls:
                result = get_weather(**json.loads(asked.function.arguments))
                content = json.dumps(result)
                messages.append({"role": "tool", "tool_call_id": asked.id, "content": content})


def main() -> None:
    """Answer one question, recorded by Pulse."""
    init_pulse(api_key=os.environ.get("PULSE_API_KEY"), instrument=True)
    print(answer("How warm is it in Paris?", "customer-7"))


if __name__ == "__main__":
    main()
