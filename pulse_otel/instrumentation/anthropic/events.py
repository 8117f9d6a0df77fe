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
    blocks: list[tuple[int, dict[str, Any]]] = []
    latest: dict[int, dict[str, Any]] = {}  # of each index: some gateways number all blocks 0
    for event in events:
        if type(event) is tuple:
            index, piece = event
            state = latest.get(index) or _open(blocks, latest, index, {"type": "text"})
            _add_text(state, "text", piece)
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
            _open(blocks, latest, _index(event), block if isinstance(block, dict) else {})
        elif kind == "content_block_delta":
            index = _index(event)
            state = latest.get(index) or _open(blocks, latest, index, {"type": "text"})
            _add(state, read(event, "delta"))
    blocks.sort(key=lambda block: block[0])
    whole["content"] = [_joined(state) for _, state in blocks]
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


def _open(
    blocks: list[tuple[int, dict[str, Any]]],
    latest: dict[int, dict[str, Any]],
    index: int,
    block: dict[str, Any],
) -> dict[str, Any]:
    state: dict[str, Any] = {"block": block, "pieces": {}, "citations": []}
    blocks.append((index, state))
    latest[index] = state
    return state


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
