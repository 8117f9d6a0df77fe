"""Add Pulse to an OpenTelemetry set-up that you have: one more exporter, nothing replaced.

export OPENAI_API_KEY=sk-... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/existing_pipeline.py
"""

from openai import OpenAI
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

from pulse_otel import OpenAIInstrumentor, PulseSpanExporter

# What you have already: a provider, and where its spans go (here: the console).
provider = TracerProvider(resource=Resource.create({"service.name": "checkout"}))
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

# What Pulse adds: an exporter, which takes GenAI spans and leaves all others alone, and the
# recording of every openai client. Your other exporters see prompts and answers too;
# without capture_content=True, nobody does.
provider.add_span_processor(BatchSpanProcessor(PulseSpanExporter()))
OpenAIInstrumentor().instrument(tracer_provider=provider, capture_content=True)

with trace.get_tracer("checkout").start_as_current_span("handle order"):
    response = OpenAI().chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": "Thank a customer in one short sentence."}],
    )
print(response.choices[0].message.content)
