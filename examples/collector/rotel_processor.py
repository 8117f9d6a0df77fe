"""For rotel: keeps GenAI spans and gives them the attributes that Pulse has columns for.

It says in Python what `otelcol.yaml` says in OTTL. rotel runs it in an interpreter of its own,
which has the standard library and nothing else: hence the attribute names written out.
"""

import json
from typing import Any

from rotel_sdk.open_telemetry.common.v1 import AnyValue, KeyValue, KeyValueList

TOOLS = ("execute_tool", "retrieval", "fetch_response")
NOTIFICATIONS = ("count_tokens",)
AGENTS = ("invoke_agent", "invoke_workflow", "create_agent", "plan")
COPIES = {  # what the service reads <- what the GenAI conventions call it, the first that is there
    "pulse.session_id": ("gen_ai.conversation.id", "session.id"),
    "pulse.user_id": ("user.id",),
    "pulse.agent.name": ("gen_ai.agent.name",),
    "pulse.tool.input": ("gen_ai.tool.call.arguments",),
    "pulse.tool.response": ("gen_ai.tool.call.result",),
}
ERROR = 2


def process_spans(resource_spans: Any) -> None:
    """rotel calls this with each batch of a resource."""
    for scope_spans in resource_spans.scope_spans:
        spans = [span for span in scope_spans.spans if "gen_ai.operation.name" in _read(span)]
        for span in spans:
            _map(span)
        scope_spans.spans = spans  # the service would take every other span for an LLM call


def _read(span: Any) -> dict[str, Any]:
    return {pair.key: pair.value.value for pair in span.attributes if pair.value is not None}


def _map(span: Any) -> None:
    given = _read(span)
    kind = _kind(given["gen_ai.operation.name"])
    new: dict[str, Any] = {
        "pulse.source": "sdk",
        "pulse.kind": kind,
        "pulse.event_type": _event_type(kind, given["gen_ai.operation.name"]),
    }
    for target, sources in COPIES.items():
        new[target] = next((given[key] for key in sources if key in given), None)
    if span.status and int(span.status.code) == ERROR and "pulse.error" not in given:
        new["exception.message"] = span.status.message
    if "gen_ai.response.finish_reasons" in given:  # the service loses an array
        reasons = list(given["gen_ai.response.finish_reasons"])
        new["gen_ai.response.finish_reasons"] = reasons[0].value if reasons else None
    if "pulse.metadata" in given:  # a key-value list is spread, JSON text is not
        new["pulse.metadata"] = _key_values(_parsed(given["pulse.metadata"], {}))
    _add_bodies(given, new)
    kept = [pair for pair in span.attributes if pair.key not in new]
    added = [KeyValue(key, AnyValue(value)) for key, value in new.items() if value is not None]
    span.attributes = kept + added


def _kind(operation: str) -> str:
    if operation in TOOLS:
        return "tool_use"
    if operation in NOTIFICATIONS:
        return "notification"
    return "agent_run" if operation in AGENTS else "llm_call"


def _event_type(kind: str, operation: str) -> str:
    """It labels what is no tool."""
    return {"llm_call": "provider_call", "notification": operation}.get(kind, kind)


def _add_bodies(given: dict[str, Any], new: dict[str, Any]) -> None:
    """The messages, in the shape of OpenAI's chat, which the service's pages know."""
    asked = _parsed(given.get("gen_ai.input.messages"), [])
    answered = _parsed(given.get("gen_ai.output.messages"), [])
    if asked:
        messages = [_message(message) for message in asked]
        new["pulse.request"] = json.dumps(
            {"model": given.get("gen_ai.request.model"), "messages": messages}
        )
        new["gen_ai.input.messages"] = None  # once is enough
    if len(answered) == 1:
        message = _message(answered[0])
        new["pulse.response"] = json.dumps({"choices": [{"index": 0, "message": message}]})
        new["pulse.output_text"] = _first_text(answered[0]) or None
        new["gen_ai.output.messages"] = None


def _message(message: dict[str, Any]) -> dict[str, Any]:
    """`content` in place of the parts where they are one text; else the parts stay."""
    parts = message.get("parts") or []
    if len(parts) != 1 or parts[0].get("type") != "text":
        return message
    rest = {key: value for key, value in message.items() if key != "parts"}
    return {**rest, "content": parts[0].get("content")}


def _first_text(message: dict[str, Any]) -> str:
    first = (message.get("parts") or [{}])[0]
    return str(first.get("content") or "") if first.get("type") == "text" else ""


def _parsed(text: Any, otherwise: Any) -> Any:
    try:
        parsed = json.loads(text)
    except (TypeError, ValueError):
        return otherwise
    return parsed if isinstance(parsed, type(otherwise)) else otherwise


def _key_values(metadata: dict[str, Any]) -> Any:
    found = KeyValueList()
    for key, value in metadata.items():
        simple = isinstance(value, (str, bool, int, float))
        found.append(KeyValue(key, AnyValue(value if simple else json.dumps(value))))
    return found
