"""Record what an agent asks of an MCP server: the SDK, from 2.0 on, makes spans by itself.

pip install mcp
export PULSE_API_KEY=pulse_sk_... PULSE_API_URL=http://localhost:3000
python examples/other_sdks/mcp_tools.py
"""

import asyncio

from mcp import Client
from mcp.server import MCPServer
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

server = MCPServer("almanac")


@server.tool()
def weather(city: str) -> str:
    """Say what the weather is like."""
    return f"22 degrees in {city}"


async def main() -> None:
    async with Client(server) as client:
        with pulse_otel.session("call", user_id="ada"):
            print(await client.call_tool("weather", {"city": "Paris"}))


asyncio.run(main())
