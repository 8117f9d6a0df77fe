"""Record Bedrock by boto3 by an instrumentation of it: a tool loop, a call, a stream, a raw call.

pip install boto3 openinference-instrumentation-bedrock
export AWS_REGION=... PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/other_sdks/bedrock_calls.py
"""

import json
from typing import Any

import boto3
from openinference.instrumentation.bedrock import BedrockInstrumentor
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import pulse_otel

# Pulse: an exporter, which takes the spans of the instrumentation below
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(pulse_otel.PulseSpanExporter()))
trace.set_tracer_provider(provider)

# The instrumentation
BedrockInstrumentor().instrument()

NOVA, CLAUDE = "amazon.nova-lite-v1:0", "anthropic.claude-haiku-4-5-20251001-v1:0"
SCHEMA = {"json": {"type": "object", "properties": {"city": {"type": "string"}}}}
TOOLS = {"tools": [{"toolSpec": {"name": "weather", "inputSchema": SCHEMA}}]}
ASKED: list[Any] = [{"role": "user", "content": [{"text": "What is the weather in Paris?"}]}]
client = boto3.client("bedrock-runtime")

with pulse_otel.session("agent", user_id="ada"):
    message = client.converse(modelId=NOVA, messages=ASKED, toolConfig=TOOLS)["output"]["message"]
    used = message["content"][0]["toolUse"]["toolUseId"]
    result = {"toolUseId": used, "content": [{"text": "22 degrees in Paris"}]}
    asked = [*ASKED, message, {"role": "user", "content": [{"toolResult": result}]}]
    print(client.converse(modelId=NOVA, messages=asked, toolConfig=TOOLS)["output"])

with pulse_otel.session("call", user_id="ada"):
    system = [{"text": "Be exact."}]
    print(client.converse(modelId=CLAUDE, messages=ASKED, system=system)["output"])

with pulse_otel.session("stream", user_id="ada"):
    for event in client.converse_stream(modelId=NOVA, messages=ASKED)["stream"]:
        print(event)

with pulse_otel.session("raw", user_id="ada"):
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "What is the weather in Paris?"}],
    }
    print(client.invoke_model(modelId=CLAUDE, body=json.dumps(body))["body"].read())
