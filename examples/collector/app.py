"""An app that knows nothing of Pulse's service: OTLP to a collector on this machine.

pip install "pulse-otel[openai]" opentelemetry-exporter-otlp-proto-http
export OPENAI_API_KEY=sk-...              # OTEL_EXPORTER_OTLP_ENDPOINT if it is not localhost:4318
python examples/collector/app.py
"""

from openai import OpenAI
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from pulse_otel import OpenAIInstrumentor

provider = TracerProvider(resource=Resource.create({"service.name": "checkout"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)

# The recording half alone. Without capture_content=True no prompts and answers are on the spans.
OpenAIInstrumentor().instrument(tracer_provider=provider, capture_content=True)

with trace.get_tracer("checkout").start_as_current_span("handle order"):
    response = OpenAI().chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": "Thank a customer in one short sentence."}],
        pulse_session_id="order-17",
        pulse_metadata={"feature": "thanks"},
    )
print(response.choices[0].message.content)
provider.shutdown()
