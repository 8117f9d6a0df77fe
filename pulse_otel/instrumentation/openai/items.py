"""Convert the items of the Responses API, of requests and responses, to GenAI messages.

A request and a response hold the same kinds of items; one table for each role that an item
can have: a call that the caller's program is to carry out, its result, a tool that the
provider ran. What is in none of them stays as it is.
"""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pulse_otel.instrumentation.openai.media import base64_bytes, described, without_data
from pulse_otel.instrumentation.reading import (
    fields_of,
    generic,
    items,
    parsed,
    parts_of,
    read,
    text,
)
from pulse_otel.values import NOT_RECORDED, plain

Part = dict[str, Any]

# The caller's program runs these: item type -> the tool's name (None: the item has it), and
# where the arguments are, in order of preference.
_CALLS: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "function_call": (None, ("arguments",)),
    "custom_tool_call": (None, ("input",)),
    "computer_call": ("computer", ("action", "actions")),
    "local_shell_call": ("local_shell", ("action",)),
    "shell_call": ("shell", ("action",)),
    "apply_patch_call": ("apply_patch", ("operation",)),
    "tool_search_call": ("tool_search", ("arguments",)),
}
# Their results: item type -> the field with the result.
_RESULTS: dict[str, str] = {
    "function_call_output": "output",
    "custom_tool_call_output": "output",
    "computer_call_output": "output",
    "local_shell_call_output": "output",
    "shell_call_output": "output",
    "apply_patch_call_output": "output",
    "tool_search_output": "tools",
}
# The provider ran these: item type -> the fields with the result.
_SERVER_TOOLS: dict[str, tuple[str, ...]] = {
    "web_search_call": (),
    "file_search_call": ("results",),
    "code_interpreter_call": ("outputs",),
    "image_generation_call": ("result",),
    "mcp_call": ("output", "error"),
    "mcp_list_tools": ("tools", "error"),
}
_MODEL_ROLE = ("reasoning", "compaction", "program", "mcp_approval_request")


def input_messages(value: Any) -> list[dict[str, Any]]:
    """Convert the input of a request: text is a user's message, items of the model are joined."""
    if isinstance(value, str):
        return [{"role": "user", "parts": parts_of(value, content_part)}]
    if not isinstance(value, (list, tuple)):
        return [{"role": "user", "parts": [{"type": "text", "content": NOT_RECORDED}]}]
    messages: list[dict[str, Any]] = []
    for item in value:
        role, parts = _role(item), parts_of_item(item)
        if role == "assistant" and messages and messages[-1]["role"] == role:
            messages[-1]["parts"] += parts
        elif parts:
            messages.append({"role": role, "parts": parts})
    return messages


def output_parts(value: Any) -> list[Part]:
    """Return the parts of the answer, without messages of others, as in a compaction."""
    return [
        part
        for item in items(value)
        if text(read(item, "role")) in (None, "assistant")
        for part in parts_of_item(item)
    ]


def kinds_of(output: list[Any]) -> list[str | None]:
    """Return the types of the items of an output."""
    return [text(read(item, "type")) for item in output]


def awaits_tool(output: list[Any], kinds: list[str | None]) -> bool:
    """Return whether an output has a tool call without its result: the caller has to run it."""
    if _CALLS.keys().isdisjoint(kinds):
        return False
    kinded = list(zip(kinds, output, strict=True))
    done = {_call_id(item) for kind, item in kinded if kind in _RESULTS}
    return any(kind in _CALLS and _call_id(item) not in done for kind, item in kinded)


def parts_of_item(item: Any) -> list[Part]:
    """Convert an item to parts; an item without content, as reasoning without text, has none."""
    if isinstance(item, str):
        return [{"type": "text", "content": item}]
    kind = text(read(item, "type"))
    if kind == "message" or (kind is None and read(item, "role") is not None):
        return parts_of(read(item, "content"), content_part)
    if kind in _CALLS:
        return [_call(item, kind)]
    if kind in _RESULTS:
        return [_result(item, kind)]
    if kind in _SERVER_TOOLS:
        return _server_tool(item, kind)
    special = _SPECIAL.get(kind or "")
    return special(item) if special else [without_data(generic(item))]


def content_part(block: Any) -> Part:
    """Convert one block of a message's content."""
    read_block = BLOCKS.get(text(read(block, "type")) or "")
    return read_block(block) if read_block else without_data(generic(block))


def _role(item: Any) -> str:
    kind = text(read(item, "type")) or ""
    if kind in _RESULTS:
        return "tool"
    if kind in _CALLS or kind in _SERVER_TOOLS or kind in _MODEL_ROLE:
        return "assistant"
    return text(read(item, "role")) or "user"


def _call_id(item: Any) -> str | None:
    return text(read(item, "call_id")) or text(read(item, "id"))


def _call(item: Any, kind: str) -> Part:
    name, places = _CALLS[kind]
    arguments = next((found for place in places if (found := read(item, place)) is not None), None)
    return {
        "type": "tool_call",
        "id": _call_id(item),
        "name": name or text(read(item, "name")) or "",
        # A custom tool takes free text, which may look like JSON.
        "arguments": (plain if kind == "custom_tool_call" else parsed)(arguments),
    }


def _result(item: Any, kind: str) -> Part:
    response = without_data(plain(read(item, _RESULTS[kind])))
    return {"type": "tool_call_response", "id": _call_id(item), "response": response}


def _server_tool(item: Any, kind: str) -> list[Part]:
    """Return the call, and the result if the item has one."""
    data = plain(item)
    fields = dict(data) if isinstance(data, dict) else {}
    identity = fields.pop("id", None)
    tool = kind.removesuffix("_call")
    results = {place: fields.pop(place, None) for place in _SERVER_TOOLS[kind]}
    if kind == "image_generation_call":
        results["result"] = _picture(results["result"], fields)
    parts: list[Part] = [
        {
            "type": "server_tool_call",
            "id": identity,
            "name": text(fields.get("name")) or tool,
            "server_tool_call": {**fields, "type": tool},
        }
    ]
    answer = {place: result for place, result in results.items() if result is not None}
    if answer:
        response = {"type": tool, **without_data(answer)}
        parts.append(
            {
                "type": "server_tool_call_response",
                "id": identity,
                "server_tool_call_response": response,
            }
        )
    return parts


def _picture(data: Any, fields: Mapping[str, Any]) -> Part | None:
    if not isinstance(data, str):
        return None
    return described("image", f"image/{fields.get('output_format') or 'png'}", base64_bytes(data))


def _reasoning(item: Any) -> list[Part]:
    blocks = [*items(read(item, "summary")), *items(read(item, "content"))]
    pieces = [text(read(block, "text")) for block in blocks]
    content = "\n".join(piece for piece in pieces if piece)
    return [{"type": "reasoning", "content": content}] if content else []


def _compaction(item: Any) -> list[Part]:
    """Leave out the content, which is encrypted for the provider."""
    return [{"type": "compaction", "id": text(read(item, "id"))}]


_SPECIAL: dict[str, Callable[[Any], list[Part]]] = {
    "reasoning": _reasoning,
    "compaction": _compaction,
}


def _said(block: Any) -> Part:
    fields = fields_of(block)
    said = {"type": "text", "content": text(fields.get("text")) or ""}
    annotations = items(fields.get("annotations"))
    return said | cited(annotations) if annotations else said


def cited(annotations: list[Any]) -> Part:
    """Return the sources of a text, such as the addresses that a search found."""
    return {"citations": without_data(plain(annotations))} if annotations else {}


def _refusal(block: Any) -> Part:
    return {"type": "refusal", "content": text(read(block, "refusal")) or ""}


def _located(block: Any, modality: str, url: str | None, data: str | None, mime: str) -> Part:
    """Return an upload, an address, or the data itself, whichever the block has."""
    file_id = text(read(block, "file_id"))
    if file_id:
        return {"type": "file", "modality": modality, "file_id": file_id}
    if url and not url.startswith("data:"):
        return {"type": "uri", "modality": modality, "uri": url}
    head, comma, rest = (url or data or "").partition(",")
    mime_type = (head[5:].partition(";")[0] if comma else "") or mime
    content = rest if comma else head
    return {"type": "blob", "modality": modality, "mime_type": mime_type, "content": content}


def _image(block: Any) -> Part:
    url = text(read(block, "image_url")) or text(read(block, "image_url", "url"))
    return _located(block, "image", url, None, "image/png")


def _file(block: Any) -> Part:
    url, data = text(read(block, "file_url")), text(read(block, "file_data"))
    return _located(block, "document", url, data, "application/pdf")


def _audio(block: Any) -> Part:
    data = text(read(block, "input_audio", "data")) or ""
    mime_type = f"audio/{text(read(block, 'input_audio', 'format')) or 'wav'}"
    return {"type": "blob", "modality": "audio", "mime_type": mime_type, "content": data}


BLOCKS: dict[str, Callable[[Any], Part]] = {
    "input_text": _said,
    "output_text": _said,
    "text": _said,
    "refusal": _refusal,
    "input_image": _image,
    "image_url": _image,  # of chat and moderations
    "input_file": _file,
    "input_audio": _audio,
}
