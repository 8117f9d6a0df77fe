"""Record mistralai, which makes spans by itself: a tool loop, a call, a stream.

pip install mistralai
export MISTRAL_SDK_TELEMETRY=global MISTRAL_API_KEY=...
export PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/other_sdks/mistral_calls.py
"""

import os
from typing import Any

from mistralai.client import Mistral
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import pulse_otel

# Pulse: an exporter, which takes the spans of the SDK
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(pulse_otel.PulseSpanExporter()))
trace.set_tracer_provider(provider)

# The instrumentation
# none is needed

MODEL = "mistral-small-latest"
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}
ASKED: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
chat = Mistral(
    api_key=os.environ["MISTRAL_API_KEY"], server_url=os.environ.get("MISTRAL_BASE_URL")
).chat

with pulse_otel.session("agent", user_id="ada"):
    message = chat.complete(model=MODEL, messages=ASKED, tools=[TOOL]).choices[0].message
    call = message.tool_calls[0].id
    result = {"role": "tool", "tool_call_id": call, "content": "22 degrees", "name": "weather"}
    answer = chat.complete(model=MODEL, messages=[*ASKED, message, result], tools=[TOOL])
    print(answer.choices[0].message.content)

with pulse_otel.session("call", user_id="ada"):
    print(chat.complete(model=MODEL, messages=ASKED).choices[0].message.content)

with pulse_otel.session("stream", user_id="ada"):
    for event in chat.stream(model=MODEL, messages=ASKED):
        for choice in event.data.choices:
            print(choice.delta.content, end="")
