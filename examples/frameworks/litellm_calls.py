"""Record LiteLLM: a tool loop, a call, a stream. It calls Anthropic without the SDK.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/frameworks/litellm_calls.py
"""

from typing import Any

import litellm

import pulse_otel

# Pulse: every client of the SDK, wherever it is made
pulse_otel.init_pulse()
pulse_otel.OpenAIInstrumentor().instrument()

MODEL = "openai/gpt-4o-mini"
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}
ASKED: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]

with pulse_otel.session("agent", user_id="ada"):
    message = litellm.completion(MODEL, ASKED, tools=[TOOL]).choices[0].message
    call = message.tool_calls[0]
    result = {"role": "tool", "tool_call_id": call.id, "content": "22 degrees in Paris"}
    answer = litellm.completion(MODEL, [*ASKED, message.model_dump(), result], tools=[TOOL])
    print(answer.choices[0].message.content)

with pulse_otel.session("call", user_id="ada"):
    print(litellm.completion(MODEL, ASKED).choices[0].message.content)

with pulse_otel.session("stream", user_id="ada"):
    for chunk in litellm.completion(MODEL, ASKED, stream=True):
        print(chunk.choices[0].delta.content or "", end="")

with pulse_otel.session("claude", user_id="ada"):
    claude = litellm.completion("anthropic/claude-haiku-4-5", ASKED, max_tokens=100)
    print(claude.choices[0].message.content)
