"""Assemble a message from the events of its stream."""

# isinstance() on data of any shape leaves the type checker with unknown element types:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from pulse_otel.instrumentation.reading import integer, parsed, read, text
from pulse_otel.outside import from_outside
from pulse_otel.values import copied

# Delta type -> (its field, the block's field that it extends)
_DELTAS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "input_json_delta": ("partial_json", "input"),
    "compaction_delta": ("content", "content"),
}
_OF_NO_USE = frozenset(("content_block_stop", "message_stop", "ping"))  # says nothing more


def add_piece(event: Any, events: list[Any]) -> bool:
    """Append the text that an event adds to a block, with the block's index and field.

    This runs for each event, in the caller's thread: the SDK's models are read directly, and each
    look at an attribute of one takes long.
    """
    try:
        fields = event.__dict__
        delta = fields["delta"].__dict__
        source, target = _DELTAS[delta["type"]]
        events.append((fields["index"], target, delta[source]))
    except (AttributeError, KeyError, TypeError):
        return False
    return True


def compact_event(event: Any) -> Any:
    """Return a copy of what is read of an event."""
    kind = text(read(event, "type"))
    useless = kind in _OF_NO_USE and not read(event, "error")  # which a gateway may add
    return {"type": kind} if useless else copied(event)


class _Blocks:
    """Collect the blocks of a message; some gateways number all of them 0."""

    def __init__(self) -> None:
        self._all: list[tuple[int, dict[str, Any]]] = []
        self._latest: dict[int, dict[str, Any]] = {}

    def open(self, index: object, block: Any) -> dict[str, Any]:
        """Begin a block."""
        known = block if isinstance(block, dict) else {}
        state: dict[str, Any] = {"block": known, "pieces": {}, "citations": []}
        number = integer(index) or 0
        self._all.append((number, state))
        self._latest[number] = state
        return state

    def at(self, index: object) -> dict[str, Any]:
        """Return the latest block with this index; a text, if none began."""
        return self._latest.get(integer(index) or 0) or self.open(index, {"type": "text"})

    def add(self, pieces: Iterator[tuple[Any, str, Any]]) -> None:
        """Add what `add_piece` made of events that came one after the other."""
        for (index, target), run in groupby(pieces, itemgetter(0, 1)):
            block, piece = self.at(index), _text_of(map(itemgetter(2), run))
            if piece:
                block["pieces"].setdefault(target, []).append(piece)

    def whole(self) -> list[dict[str, Any]]:
        return [_joined(state) for _, state in sorted(self._all, key=itemgetter(0))]


def _text_of(pieces: Iterable[Any]) -> str:
    """Join pieces; an odd server sends some that are no text."""
    listed = list(pieces)
    try:
        return "".join(listed)
    except TypeError as error:
        if from_outside(error):
            raise
        return "".join([piece for piece in listed if isinstance(piece, str)])


def assemble(events: list[Any]) -> dict[str, Any]:
    """Assemble one message from the events of a stream, as far as it got.

    They are copies: plain data, of which nothing is changed here.
    """
    whole: dict[str, Any] = {"usage": {}}
    blocks = _Blocks()
    for kind, run in groupby(events, type):
        if kind is tuple:
            blocks.add(run)
        else:
            for event in run:
                _read_event(whole, blocks, event)
    whole["content"] = blocks.whole()
    return whole


def _read_event(whole: dict[str, Any], blocks: _Blocks, event: Any) -> None:
    kind = read(event, "type")
    if kind == "message_start":
        _start(whole, read(event, "message"))
    elif kind == "message_delta":
        _update(whole, read(event, "delta"))
        # Cumulative: later values replace earlier ones.
        _update(whole["usage"], read(event, "usage"))
    elif kind == "content_block_start":
        blocks.open(read(event, "index"), read(event, "content_block"))
    elif kind == "content_block_delta":
        _add(blocks.at(read(event, "index")), read(event, "delta"))


def _start(whole: dict[str, Any], message: Any) -> None:
    whole |= {"id": read(message, "id"), "model": read(message, "model")}
    _update(whole["usage"], read(message, "usage"))
    # A placeholder: the count is known from the first `message_delta` on.
    whole["usage"].pop("output_tokens", None)


def _update(found: dict[str, Any], new: Any) -> None:
    if isinstance(new, dict):
        found |= {name: value for name, value in new.items() if value is not None}


def _add(state: dict[str, Any], delta: Any) -> None:
    kind = text(read(delta, "type")) or ""
    if kind == "citations_delta":
        state["citations"].append(read(delta, "citation"))
    elif kind in _DELTAS:
        source, target = _DELTAS[kind]
        piece = read(delta, source)
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
