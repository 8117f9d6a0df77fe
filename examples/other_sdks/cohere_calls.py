"""Record cohere by OpenLLMetry's instrumentation of it: a tool loop, a call, a stream.

pip install "cohere<6" opentelemetry-instrumentation-cohere
export CO_API_KEY=... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/other_sdks/cohere_calls.py
"""

from typing import Any

import cohere
from opentelemetry import trace
from opentelemetry.instrumentation.cohere import CohereInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import pulse_otel

# Pulse: an exporter, which takes the spans of the instrumentation below
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(pulse_otel.PulseSpanExporter()))
trace.set_tracer_provider(provider)

# The instrumentation
CohereInstrumentor().instrument()

MODEL = "command-a-03-2025"
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}
ASKED: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
client = cohere.ClientV2()

with pulse_otel.session("agent", user_id="ada"):
    message = client.chat(model=MODEL, messages=ASKED, tools=[TOOL]).message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "22 degrees"}
    print(client.chat(model=MODEL, messages=[*ASKED, message, result], tools=[TOOL]).message)

with pulse_otel.session("call", user_id="ada"):
    print(client.chat(model=MODEL, messages=ASKED).message.content[0].text)

with pulse_otel.session("stream", user_id="ada"):
    for event in client.chat_stream(model=MODEL, messages=ASKED):
        if event.type == "content-delta":
            print(event.delta.message.content.text, end="")
