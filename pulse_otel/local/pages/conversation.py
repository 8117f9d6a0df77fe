"""Turn request and response bodies of the providers' APIs into readable turns.

This module knows the shapes of chat completions, responses, messages, completions and embeddings.
Any other shape is shown as JSON: nothing is left out because of its shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pulse_otel.local.json_text import Json, parse_json
from pulse_otel.local.pages import media
from pulse_otel.local.pages.formatting import TOO_DEEP, as_json, clipped

Block: TypeAlias = Mapping[str, Json]

_MAX_CHARACTERS = 20_000
_FOLDED_CHARACTERS, _FOLDED_LINES, _LEAD_CHARACTERS = 3_000, 60, 600
_LINE_CHARACTERS = 80  # JSON up to this long stays on one line
SYSTEM_ROLES = ("system", "developer")
_SYSTEM_FIELDS = ("system", "instructions")
_INPUT_FIELDS = ("messages", "input", "prompt")
_REPEATED = ("instructions", "input")  # beside `messages`, which say the same
_ANSWER_FIELDS = ("content", "output", "completion", "text", "data", "results")
CONVERSATION_FIELDS = frozenset((*_SYSTEM_FIELDS, *_INPUT_FIELDS))


@dataclass(frozen=True)
class Part:
    """A piece of a turn. `kind` is one of text, thinking, call, result, media, refusal, json."""

    kind: str
    text: str
    title: str = ""
    image: str = ""
    """The data URL of an image."""

    @property
    def lead(self) -> str:
        """The beginning of a text that is long enough to be folded; "" of any other."""
        short = len(self.text) <= _FOLDED_CHARACTERS and self.text.count("\n") <= _FOLDED_LINES
        return "" if short else "\n".join(self.text[:_LEAD_CHARACTERS].split("\n")[:12])


@dataclass(frozen=True)
class Turn:
    """One turn of a conversation: a role and its parts."""

    role: str
    parts: tuple[Part, ...]


def request_turns(body: Json) -> list[Turn]:
    """Read what was sent: the instructions, then the conversation."""
    if not isinstance(body, dict):
        return []
    if "messages" in body and "input" in body:
        body = {name: value for name, value in body.items() if name not in _REPEATED}
    system = [Turn("system", _parts(body[name])) for name in _SYSTEM_FIELDS if body.get(name)]
    said = [turn for name in _INPUT_FIELDS for turn in _turns(body.get(name), "user")]
    return [*system, *said]


def answer_turns(body: Json, output_text: Json) -> list[Turn]:
    """Read the answer; `output_text` replaces a body without one."""
    found: list[Turn] = []
    if isinstance(body, dict):
        choices = [item for item in _items(body.get("choices")) if isinstance(item, dict)]
        for choice in choices:
            found += _turns([choice.get("message", choice.get("text"))], "assistant")
        # In a response of the Responses API `text` is the format of the answer.
        answers = [body.get(name) for name in _ANSWER_FIELDS]
        for answer in answers:
            found += [] if isinstance(answer, dict) else _turns(answer, "assistant")
    said = [turn for turn in found if turn.parts]
    if not said and isinstance(output_text, str) and output_text:
        return [Turn("assistant", (_text(output_text),))]
    return said


def _turns(value: Json, role: str) -> list[Turn]:
    """Make a turn of each message, and one of each run of other items."""
    turns: list[Turn] = []
    loose: list[Json] = []
    for item in _items(value):
        own_role = _role(item)
        if isinstance(item, dict) and own_role:
            turns += _loose_turn(loose, role)
            loose = []
            turns.append(Turn(own_role, _message_parts(item)))
        elif item is not None:
            loose.append(item)
    return turns + _loose_turn(loose, role)


def _loose_turn(items: list[Json], role: str) -> list[Turn]:
    return [Turn(role, tuple(_part(item) for item in items))] if items else []


def _role(item: Json) -> str:
    if not isinstance(item, dict):
        return ""
    if item.get("role"):
        return str(item["role"])
    return "tool" if str(item.get("type")).endswith("call_output") else ""


def _message_parts(message: Block) -> tuple[Part, ...]:
    """Read the content and the other fields of a chat message; show other items whole."""
    if "role" not in message:
        return (_part(dict(message)),)
    thought = message.get("reasoning_content")
    parts = [Part("thinking", _shown(thought))] if thought else []
    if message["role"] == "tool":
        parts.append(Part("result", _flat(message.get("content")), _id(message)))
    else:
        parts += _parts(message.get("content"))
    if message.get("refusal"):
        parts.append(Part("refusal", _shown(message["refusal"])))
    calls = [*_items(message.get("tool_calls")), *_items(message.get("function_call"))]
    return (*parts, *(_chat_call(call) for call in calls))


def _parts(content: Json) -> tuple[Part, ...]:
    return tuple(_part(item) for item in _items(content))


def _items(value: Json) -> list[Json]:
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]


def _part(block: Json) -> Part:
    try:
        return _read(block)
    except RecursionError:
        return Part("json", TOO_DEEP)


def _read(block: Json) -> Part:
    if isinstance(block, str):
        return _text(block)
    if isinstance(block, dict):
        kind = str(block.get("type"))
        if kind in _READERS:
            return _READERS[kind](block)
        if kind.endswith("_tool_result"):
            return _result(block)
    return Part("json", _shown(block))


def _text(text: Json) -> Part:
    return Part("text", _shown(text))


def _shown(value: Json) -> str:
    if isinstance(value, str):
        return clipped(value, _MAX_CHARACTERS)
    line = as_json(value)
    short = len(line) <= _LINE_CHARACTERS
    return line if short else clipped(as_json(value, indent=2), _MAX_CHARACTERS)


def _flat(content: Json) -> str:
    """Read a text, or join the texts of blocks by lines."""
    if isinstance(content, list) and all(isinstance(item, (str, dict)) for item in content):
        return _shown("\n".join(part.text for part in _parts(content)))
    return arguments_text(content)


def _id(block: Block) -> str:
    names = ("call_id", "tool_call_id", "tool_use_id", "id")
    return next((str(block[name]) for name in names if block.get(name)), "")


def _chat_call(call: Json) -> Part:
    """Read a tool call of a chat message, whose name may be one level down."""
    if not isinstance(call, dict):
        return Part("json", _shown(call))
    inner = call.get("function", call.get("custom"))
    return _call({**inner, "id": call.get("id")} if isinstance(inner, dict) else call)


def _call(block: Block) -> Part:
    arguments = block.get("arguments", block.get("input"))
    title = f"{block.get('name')} {_id(block)}".rstrip()
    return Part("call", arguments_text(arguments), title)


def arguments_text(value: Json) -> str:
    """Format the input or output of a tool as JSON, also if it was sent as text."""
    if isinstance(value, str):
        try:
            parsed = parse_json(value)
        except ValueError:
            return _shown(value)
        return _shown(parsed if isinstance(parsed, (dict, list)) else value)
    return "" if value is None else _shown(value)


def _result(block: Block) -> Part:
    title = f"{_id(block)}, an error" if block.get("is_error") else _id(block)
    content = block.get("content", block.get("output", block.get("response")))
    return Part("result", _flat(content), title)


def _thinking(block: Block) -> Part:
    summary = block.get("summary") or block.get("content") or block.get("thinking")
    return Part("thinking", _flat(summary) or "(not readable)")


def _refusal(block: Block) -> Part:
    return Part("refusal", _shown(block.get("refusal", block.get("content"))))


def _text_block(block: Block) -> Part:
    return _text(block.get("text", block.get("content")))


def _media(block: Block) -> Part:
    shown = _shown(", ".join(media.described(dict(block))))
    return Part("media", shown, str(block.get("type")), media.image_source(dict(block)))


_READERS: Mapping[str, Callable[[Block], Part]] = {
    **dict.fromkeys(("text", "input_text", "output_text", "summary_text"), _text_block),
    **dict.fromkeys(("thinking", "redacted_thinking", "reasoning"), _thinking),
    **dict.fromkeys(("tool_use", "server_tool_use", "mcp_tool_use"), _call),
    **dict.fromkeys(("function_call", "custom_tool_call", "tool_call"), _call),
    **dict.fromkeys(("function_call_output", "custom_tool_call_output"), _result),
    **dict.fromkeys(("tool_result", "tool_call_response"), _result),
    **dict.fromkeys(("image_url", "input_image", "image", "input_audio", "audio"), _media),
    "image_generation_call": _media,
    **dict.fromkeys(("file", "input_file", "document", "video", "blob", "uri"), _media),
    "refusal": _refusal,
}


def value_turns(role: str, value: Json) -> list[Turn]:
    """Make a turn of a tool's input or output, which is no conversation."""
    return [] if value is None else [Turn(role, (Part("json", arguments_text(value)),))]
