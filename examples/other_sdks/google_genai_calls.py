"""Record google-genai by an instrumentation of it: a tool loop, a call, a stream.

pip install google-genai openinference-instrumentation-google-genai
export GEMINI_API_KEY=... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/other_sdks/google_genai_calls.py
"""

from google import genai
from google.genai.types import GenerateContentConfig
from openinference.instrumentation.google_genai import GoogleGenAIInstrumentor
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import pulse_otel

# Pulse: an exporter, which takes the spans of the instrumentation below
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(pulse_otel.PulseSpanExporter()))
trace.set_tracer_provider(provider)

# The instrumentation
GoogleGenAIInstrumentor().instrument()

MODEL, QUESTION = "gemini-2.5-flash", "What is the weather in Paris?"


def weather(city: str) -> str:
    """Say what the weather is like."""
    return f"22 degrees in {city}"


client = genai.Client()

with pulse_otel.session("agent", user_id="ada"):
    config = GenerateContentConfig(tools=[weather], system_instruction="Be exact.")
    print(client.models.generate_content(model=MODEL, contents=QUESTION, config=config).text)

with pulse_otel.session("call", user_id="ada"):
    print(client.models.generate_content(model=MODEL, contents=QUESTION).text)

with pulse_otel.session("stream", user_id="ada"):
    for chunk in client.models.generate_content_stream(model=MODEL, contents=QUESTION):
        print(chunk.text, end="")
