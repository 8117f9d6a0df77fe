"""Items of the Responses API, in and out, and the definitions of tools."""

from __future__ import annotations

import json
from typing import Any

from tests.conftest import Clients
from tests.instrumentation.openai.conftest import Spans
from tests.provider.response_replies import response

PNG = "iVBORw0KGgo" * 40


def test_input_items(clients: Clients, spans: Spans) -> None:
    """Items of any kind; what the model said in a row is one message."""
    screenshot = {"type": "computer_screenshot", "image_url": f"data:image/png;base64,{PNG}"}
    items: list[Any] = [
        {"role": "developer", "content": "Short."},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Look"},
                {"type": "input_image", "image_url": "https://a.example/b.png", "detail": "low"},
                {"type": "input_image", "file_id": "file-1", "detail": "low"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,AAAA"},
            ],
        },
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"at":"sky"}'},
        {"type": "custom_tool_call", "call_id": "c2", "name": "say", "input": "[1]"},
        {"type": "function_call_output", "call_id": "c1", "output": "blue"},
        {"type": "computer_call_output", "call_id": "c3", "output": screenshot},
        {"type": "item_reference", "id": "msg_1"},
        {"type": "from_the_future", "what": {"is": "this"}},
    ]
    clients.openai().responses.create(model="gpt-5", input=items)

    found = spans.json("gen_ai.input.messages")
    assert [message["role"] for message in found] == [
        "developer",
        "user",
        "assistant",
        "tool",
        "tool",
        "user",
        "user",
    ]
    assert found[1]["parts"] == [
        {"type": "text", "content": "Look"},
        {"type": "uri", "modality": "image", "uri": "https://a.example/b.png"},
        {"type": "file", "modality": "image", "file_id": "file-1"},
        {
            "type": "blob",
            "modality": "document",
            "mime_type": "application/pdf",
            "content": "AAAA",
        },
    ]
    assert found[2]["parts"] == [
        {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"at": "sky"}},
        {"type": "tool_call", "id": "c2", "name": "say", "arguments": "[1]"},
    ]
    assert found[3]["parts"] == [{"type": "tool_call_response", "id": "c1", "response": "blue"}]
    assert found[4]["parts"][0]["response"]["image_url"] == "[image/png, 330 bytes]"
    assert found[5]["parts"] == [{"type": "item_reference", "id": "msg_1"}]
    assert found[6]["parts"] == [{"type": "from_the_future", "what": {"is": "this"}}]
    assert PNG not in json.dumps(found)


def test_tools_that_the_provider_ran(provider: Any, clients: Clients, spans: Spans) -> None:
    output = [
        {
            "type": "web_search_call",
            "id": "ws_1",
            "status": "completed",
            "action": {"type": "search", "query": "pulse"},
        },
        {
            "type": "file_search_call",
            "id": "fs_1",
            "status": "completed",
            "queries": ["pulse"],
            "results": [{"file_id": "f", "text": "found"}],
        },
        {
            "type": "mcp_call",
            "id": "mcp_1",
            "name": "roll",
            "server_label": "dice",
            "arguments": "{}",
            "output": "4",
        },
        {
            "type": "image_generation_call",
            "id": "ig_1",
            "status": "completed",
            "result": PNG,
            "output_format": "webp",
        },
        {"type": "shell_call", "id": "sh_1", "call_id": "c1", "action": {"commands": ["ls"]}},
        {"type": "shell_call_output", "id": "so_1", "call_id": "c1", "output": []},
    ]
    provider.enqueue(response(output=output))

    clients.openai().responses.create(model="gpt-5", input="Hello")

    parts = spans.parts
    kinds = [part["type"] for part in parts]
    assert kinds == [
        "server_tool_call",
        "server_tool_call",
        "server_tool_call_response",
        "server_tool_call",
        "server_tool_call_response",
        "server_tool_call",
        "server_tool_call_response",
        "tool_call",
        "tool_call_response",
    ]
    assert parts[0]["name"] == "web_search"
    assert parts[0]["server_tool_call"]["action"]["query"] == "pulse"
    assert parts[2]["server_tool_call_response"]["results"][0]["text"] == "found"
    assert parts[3]["name"] == "roll"
    assert parts[4]["server_tool_call_response"] == {"type": "mcp", "output": "4"}
    picture = {"type": "image", "mime_type": "image/webp", "bytes": 330}
    assert parts[6]["server_tool_call_response"]["result"] == picture
    # The shell ran in the provider's container: nothing is left for the caller to run.
    assert spans.attributes["gen_ai.response.finish_reasons"] == ("stop",)


def test_tool_definitions_keep_secrets_to_themselves(clients: Clients, spans: Spans) -> None:
    schema = {"type": "object", "properties": {"at": {"type": "string"}}}
    tools: list[Any] = [
        {"type": "function", "name": "look", "parameters": schema, "strict": True},
        {
            "type": "mcp",
            "server_label": "dice",
            "server_url": "https://user:secret@dice.example/mcp?token=secret",
            "headers": {"Authorization": "secret"},
            "authorization": "secret",
            "require_approval": "never",
        },
        {"type": "web_search"},
    ]
    clients.openai().responses.create(model="gpt-5", input="Hello", tools=tools)

    assert spans.json("gen_ai.tool.definitions") == [
        {"type": "function", "name": "look", "parameters": schema},
        {"type": "mcp", "name": "dice", "server_label": "dice", "require_approval": "never"},
        {"type": "web_search", "name": "web_search"},
    ]
    assert "secret" not in json.dumps(list(spans.attributes.values()), default=str)
