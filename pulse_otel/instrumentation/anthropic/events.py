"""Assemble a message from the events of its stream."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

from pulse_otel.instrumentation.reading import integer, parsed, read, text
from pulse_otel.values import copied, plain


def compact_chunk(event: Any) -> Any:
    """Reduce an event that adds text to a block to its index and text; copy any other.

    This runs for each event, in the caller's thread, so the SDK's models are read directly.
    """
    try:
        fields = event.__dict__
        delta, index = fields["delta"].__dict__, fields["index"]
        adds_text = fields["type"] == "content_block_delta" and delta["type"] == "text_delta"
        if adds_text and type(index) is int:
            return index, delta["text"]
    except (AttributeError, KeyError):
        return copied(event)
    return copied(event)


def assemble(events: list[Any]) -> dict[str, Any]:
    """Assemble one message from the events of a stream, as far as it got."""
    whole: dict[str, Any] = {"usage": {}}
    blocks: dict[int, dict[str, Any]] = {}
    for event in events:
        if type(event) is tuple:
            index, piece = event
            if index not in blocks:
                blocks[index] = _opened({"type": "text"})
            _add_text(blocks[index], "text", piece)
            continue
        kind = read(event, "type")
        if kind == "message_start":
            _start(whole, read(event, "message"))
        elif kind == "message_delta":
            _update(whole, read(event, "delta"))
            # Cumulative: later values replace earlier ones.
            _update(whole["usage"], read(event, "usage"))
        elif kind == "content_block_start":
            block = plain(read(event, "content_block"))
            blocks[_index(event)] = _opened(block if isinstance(block, dict) else {})
        elif kind == "content_block_delta":
            state = blocks.setdefault(_index(event), _opened({"type": "text"}))
            _add(state, read(event, "delta"))
    whole["content"] = [_joined(blocks[index]) for index in sorted(blocks)]
    return whole


def _start(whole: dict[str, Any], message: Any) -> None:
    whole |= {"id": read(message, "id"), "model": read(message, "model")}
    _update(whole["usage"], read(message, "usage"))
    # A placeholder: the count is known from the first `message_delta` on.
    whole["usage"].pop("output_tokens", None)


def _update(found: dict[str, Any], new: Any) -> None:
    values = plain(new)
    if isinstance(values, dict):
        found |= {name: value for name, value in values.items() if value is not None}


def _index(event: Any) -> int:
    return integer(read(event, "index")) or 0


def _opened(block: dict[str, Any]) -> dict[str, Any]:
    return {"block": block, "pieces": {}, "citations": []}


# Delta type -> (its field, the block's field that it extends)
_DELTAS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "input_json_delta": ("partial_json", "input"),
    "compaction_delta": ("content", "content"),
}


def _add(state: dict[str, Any], delta: Any) -> None:
    kind = text(read(delta, "type")) or ""
    if kind == "citations_delta":
        state["citations"].append(plain(read(delta, "citation")))
    elif kind in _DELTAS:
        source, target = _DELTAS[kind]
        _add_text(state, target, read(delta, source))


def _add_text(state: dict[str, Any], target: str, piece: Any) -> None:
    if piece and isinstance(piece, str):
        state["pieces"].setdefault(target, []).append(piece)


def _joined(state: dict[str, Any]) -> dict[str, Any]:
    block: dict[str, Any] = dict(state["block"])
    for name, pieces in state["pieces"].items():
        joined = "".join(pieces)
        block[name] = parsed(joined) if name == "input" else (text(block.get(name)) or "") + joined
    if state["citations"]:
        block["citations"] = state["citations"]
    return block
