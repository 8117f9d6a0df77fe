"""Assemble a completion from the chunks of its stream."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from pulse_otel.instrumentation.openai.chat_parts import thought
from pulse_otel.instrumentation.reading import fields_of, integer, items, read, text

_TEXTS = ("content", "refusal", "reasoning_content", "reasoning")
_LISTS = ("images", "annotations", "reasoning_details", "executed_tools")
# fields of a delta besides its text that the SDK's model may not have
_MORE = (*_TEXTS[1:], *_LISTS, "audio", "context")
_OTHERS = frozenset({*_LISTS, "audio", "context"})
# fields of a chunk of which the last one counts: they may be there in each
_LAST = ("usage", "x_groq", "citations", "search_results")


def is_head(chunk: Any) -> bool:
    """Return whether `chunk` names the answer. Azure's first chunk, of its filter, does not."""
    return bool(read(chunk, "id")) and bool(read(chunk, "model"))


def add_piece(chunk: Any, chunks: list[Any]) -> bool:
    """Append the text of a chunk that only adds text to the first choice.

    This runs for each chunk, in the caller's thread: the SDK's models are read directly, and each
    look at an attribute of one takes long.
    """
    try:
        fields = chunk.__dict__
        (choice,) = fields["choices"]
        state = choice.__dict__
        delta = state["delta"]
        written = delta.__dict__
        content, extra = written["content"], delta.__pydantic_extra__
        more = (
            written["tool_calls"]
            or written["refusal"]
            or written["function_call"]
            or state["index"]
            or state["finish_reason"]
            or fields["usage"] is not None
        )
    except (AttributeError, KeyError, TypeError, ValueError):  # such as models of pydantic 1
        return False
    # Calls are made here, where no exception of a signal handler is taken for an odd chunk.
    if (
        more
        or type(content) is not str
        # Of the SDKs that declare it. A look, not a call: it takes less than half as long.
        or ("audio" in written and written["audio"])  # noqa: RUF019
        or (extra and _adds(extra))
    ):
        return False
    chunks.append(content)
    return True


def _adds(extra: Mapping[str, Any]) -> bool:
    return any(extra.get(name) for name in _MORE)


def assemble(chunks: list[Any]) -> dict[str, Any]:
    """Assemble one completion from the chunks of a stream, as far as it got."""
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for kind, run in groupby(chunks, type):
        if kind is str:
            _state(choices, 0).setdefault("content", []).extend(run)
        else:
            for chunk in run:
                _read_chunk(whole, choices, fields_of(chunk))
    whole["choices"] = [_joined(choices[index]) for index in sorted(choices)]
    return whole


def _read_chunk(
    whole: dict[str, Any], choices: dict[int, dict[str, Any]], fields: Mapping[str, Any]
) -> None:
    _add_facts(whole, fields)
    for choice in items(fields.get("choices")):
        part = fields_of(choice)
        _add(_state(choices, integer(part.get("index")) or 0), part)


def _add_facts(whole: dict[str, Any], fields: Mapping[str, Any]) -> None:
    for name in ("id", "model", "service_tier", "system_fingerprint"):
        if name not in whole and fields.get(name):  # Azure's first chunk has empty texts
            whole[name] = fields[name]
    for name in _LAST:
        if fields.get(name) is not None:
            whole[name] = fields[name]


def _state(choices: dict[int, dict[str, Any]], index: int) -> dict[str, Any]:
    state = choices.get(index)
    if state is None:
        state = choices[index] = {"tools": [], "open": {}, "ids": {}}
    return state


def _add(state: dict[str, Any], choice: Mapping[str, Any]) -> None:
    reason = text(choice.get("finish_reason"))
    if reason:
        state["finish_reason"] = reason
    state |= {name: choice[name] for name in ("usage", "error") if choice.get(name) is not None}
    delta = fields_of(choice.get("delta"))
    state["role"] = state.get("role") or text(delta.get("role"))
    for name in _TEXTS:
        piece = delta.get(name)
        if piece and isinstance(piece, str):
            state.setdefault(name, []).append(piece)
    if not _OTHERS.isdisjoint(delta) or type(delta.get("content")) is list:
        _add_others(state, delta)
    if delta.get("function_call"):  # the first form of tools: one, without an id
        _add_tool(state, -1, {"function": delta["function_call"]})
    for position, call in enumerate(items(delta.get("tool_calls"))):
        index = integer(read(call, "index"))
        _add_tool(state, position if index is None else index, call)


def _add_others(state: dict[str, Any], delta: Mapping[str, Any]) -> None:
    """Add what some models and providers say beside, or in place of, a text."""
    for block in items(delta.get("content")):
        _add_block(state, block)
    for name in _LISTS:
        found = items(delta.get(name))
        if found:
            state.setdefault(name, []).extend(found)
    if delta.get("context"):
        state["context"] = delta["context"]
    for name in ("transcript", "data"):
        piece = text(read(delta.get("audio"), name))
        if piece:
            state.setdefault(f"audio {name}", []).append(piece)


def _add_block(state: dict[str, Any], block: Any) -> None:
    """Add a block of a delta whose content is a list, as Mistral sends it."""
    kind = text(read(block, "type"))
    if kind == "text":
        state.setdefault("content", []).append(text(read(block, "text")) or "")
    elif kind == "thinking":
        state.setdefault("reasoning", []).append(thought(block))
    else:
        state.setdefault("blocks", []).append(block)


def _add_tool(state: dict[str, Any], index: int, call: Any) -> None:
    """Add a piece of a tool call. Some servers number every call 0."""
    call_id = text(read(call, "id"))
    custom = read(call, "custom")
    function = read(call, "function") if custom is None else custom
    name = text(read(function, "name"))
    piece = text(read(function, "arguments" if custom is None else "input"))
    tool: Any = state["ids"].get((index, call_id)) if call_id and not name else None
    tool = tool or state["open"].get(index)
    if tool is None or (name and _begins(tool, call_id, name, piece)):
        tool = {"index": index, "id": None, "name": "", "custom": False, "arguments": []}
        state["open"][index] = tool
        state["tools"].append(tool)
    tool["id"] = tool["id"] or call_id or None
    state["ids"][index, tool["id"]] = tool
    tool["custom"] = tool["custom"] or custom is not None
    tool["name"] = name or tool["name"]
    if piece:
        tool["arguments"].append(piece)


def _begins(tool: dict[str, Any], call_id: str | None, name: str, piece: str | None) -> bool:
    """Return whether a piece with a name begins another call than `tool`, which has its index.

    An id alone begins none: some servers give every piece another one. Some repeat the name.
    """
    said = tool["arguments"]
    other_id = bool(call_id and tool["id"] and call_id != tool["id"])
    if not said or not said[0].lstrip().startswith("{"):  # nothing yet, or a custom tool's text
        return other_id or bool(said and name != tool["name"])
    if name != tool["name"]:
        return True
    whole = said[-1].rstrip().endswith("}")
    return whole and ((piece or "").lstrip().startswith("{") or (other_id and not piece))


def _joined(state: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": state.get("role") or "assistant"}
    message |= {name: "".join(state[name]) for name in _TEXTS if name in state}
    message |= {name: state[name] for name in _LISTS if state.get(name)}
    for name in ("transcript", "data"):
        if f"audio {name}" in state:
            message.setdefault("audio", {})[name] = "".join(state[f"audio {name}"])
    if "blocks" in state:
        said = [message["content"]] if "content" in message else []
        message["content"] = [*said, *state["blocks"]]
    tools = sorted(state["tools"], key=lambda tool: tool["index"])
    message["tool_calls"] = [_whole_tool(tool) for tool in tools]
    if "context" in state:
        message["context"] = state["context"]
    ending = {name: state.get(name) for name in ("finish_reason", "usage", "error")}
    return {"message": message, **ending}


def _whole_tool(tool: dict[str, Any]) -> dict[str, Any]:
    said = "".join(tool["arguments"])
    if tool["custom"]:
        return {"id": tool["id"], "custom": {"name": tool["name"], "input": said}}
    return {"id": tool["id"], "function": {"name": tool["name"], "arguments": said}}
