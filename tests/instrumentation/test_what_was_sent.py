"""What is recorded of a request is what was sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import Enum, IntEnum
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pulse_otel
from pulse_otel import observe
from tests.conftest import Clients


class Name(str, Enum):
    MODEL = "gpt-4o"
    ROLE = "user"
    SESSION = "session-1"
    USER = "user-1"
    TEXT = "Hello"
    STOP = "END"


class Plain(Enum):
    FLAG = "beta"


class Limit(IntEnum):
    SMALL = 7


@pytest.mark.parametrize("how", ["client", "block", "call"])
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_members_of_enumerations_are_recorded_by_their_values(
    sdk: str, how: str, provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    metadata: dict[Any, Any] = {Name.ROLE: Name.MODEL, "flag": Plain.FLAG, "list": [Limit.SMALL]}
    options = {"session_id": Name.SESSION, "user_id": Name.USER, "metadata": metadata}
    client = observe(getattr(clients, sdk)(), sdk, options if how == "client" else None)
    request: dict[str, Any] = {
        "model": Name.MODEL,
        "messages": [{"role": Name.ROLE, "content": Name.TEXT}],
        "max_tokens": Limit.SMALL,
        "stop" if sdk == "openai" else "stop_sequences": [Name.STOP],
        "metadata": {"user_id": Name.USER},
    }
    own = {f"pulse_{name}": value for name, value in options.items()} if how == "call" else {}
    resource = client.messages if sdk == "anthropic" else client.chat.completions

    if how == "block":
        with pulse_otel.session(Name.SESSION, user_id=Name.USER, metadata=metadata):
            resource.create(**request)
    else:
        resource.create(**request, **own)

    (span,) = spans.get_finished_spans()
    (sent,) = (received.json() for received in provider.requests)
    found = dict(span.attributes or {})
    assert span.name == f"chat {sent['model']}" == "chat gpt-4o"
    assert found["gen_ai.request.model"] == "gpt-4o"
    assert type(found["gen_ai.request.model"]) is str
    assert (found["session.id"], found["user.id"]) == ("session-1", "user-1")
    assert type(found["session.id"]) is str
    assert found["gen_ai.request.stop_sequences"] == ("END",)
    assert type(found["gen_ai.request.max_tokens"]) is int
    assert json.loads(str(found["pulse.metadata"])) == {
        "user": "gpt-4o",
        "flag": "beta",
        "list": [7],
    }
    assert json.loads(str(found["pulse.request.parameters"]))["metadata"] == sent["metadata"]
    said = json.loads(str(found["gen_ai.input.messages"]))
    assert said == [{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}]


EMPTY: dict[str, tuple[str, Callable[[Any], Any], dict[str, Any]]] = {
    "system": ("anthropic", lambda c: c.messages, {"system": [], "max_tokens": 5}),
    "no messages": ("anthropic", lambda c: c.messages, {"messages": [], "max_tokens": 5}),
    "no chat messages": ("openai", lambda c: c.chat.completions, {"messages": []}),
    "tools": ("openai", lambda c: c.chat.completions, {"tools": []}),
    "input": ("openai", lambda c: c.responses, {"input": [], "instructions": ""}),
}


@pytest.mark.parametrize("case", EMPTY)
def test_structured_attributes_are_json_text_or_absent(
    case: str, provider: Any, clients: Clients, spans: InMemorySpanExporter
) -> None:
    sdk, resource, given = EMPTY[case]
    usual = {} if "input" in given else {"messages": [{"role": "user", "content": "Hello"}]}

    resource(observe(getattr(clients, sdk)(), sdk)).create(**{"model": "m", **usual, **given})

    found = dict(spans.get_finished_spans()[0].attributes or {})
    for name in (
        "gen_ai.system_instructions",
        "gen_ai.input.messages",
        "gen_ai.tool.definitions",
        "pulse.request.parameters",
    ):
        assert isinstance(found.get(name, ""), str)
    assert "gen_ai.system_instructions" not in found
