"""The definitions of tools are remembered, and still recorded as each request has them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pulse_otel import observe
from tests.conftest import Clients

ASKED = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}


class Level(float):
    """Stand for a number of numpy: a float that also shows its bytes."""

    def __buffer__(self, flags: int) -> memoryview:  # looked at since Python 3.12
        return memoryview(b"\0" * 8)


def tool(least: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"days": {"type": "number", "minimum": least}}}
    return {"type": "function", "function": {"name": "weather", "parameters": schema}}


@pytest.fixture
def client(provider: Any, clients: Clients) -> Any:
    return observe(clients.openai(), "openai")


def recorded(spans: InMemorySpanExporter) -> list[str]:
    """The lower limit in each recorded definition, as JSON text."""
    found = [dict(span.attributes or {}) for span in spans.get_finished_spans()]
    definitions = [json.loads(str(span["gen_ai.tool.definitions"])) for span in found]
    return [
        json.dumps(one["parameters"]["properties"]["days"]["minimum"]) for (one,) in definitions
    ]


def test_numbers_that_are_equal_but_not_the_same_are_recorded_as_sent(
    client: Any, spans: InMemorySpanExporter
) -> None:
    for least in (1, 1.0, True, Level(1.5), 1, True, Level(1.5)):
        client.chat.completions.create(**ASKED, tools=[tool(least)])

    assert recorded(spans) == ["1", "1.0", "true", "1.5", "1", "true", "1.5"]


def test_a_definition_that_the_program_changes_is_recorded_as_it_is_then(
    client: Any, spans: InMemorySpanExporter
) -> None:
    tools = [tool(1)]
    for least in (1, 2, 1):
        tools[0]["function"]["parameters"]["properties"]["days"]["minimum"] = least
        client.chat.completions.create(**ASKED, tools=tools)

    assert recorded(spans) == ["1", "2", "1"]
