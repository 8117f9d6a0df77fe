"""Assemble a response from the events of its stream, as far as it got."""

from __future__ import annotations

from typing import Any, cast

from pulse_otel.instrumentation.reading import fields_of, integer, items, read, text
from pulse_otel.values import copied

# Delta event -> the type of its item, and the field or block that its pieces form.
_FIELDS: dict[str, tuple[str, str]] = {
    "response.function_call_arguments.delta": ("function_call", "arguments"),
    "response.custom_tool_call_input.delta": ("custom_tool_call", "input"),
    "response.mcp_call_arguments.delta": ("mcp_call", "arguments"),
    "response.code_interpreter_call_code.delta": ("code_interpreter_call", "code"),
}
_BLOCKS: dict[str, tuple[str, str, str]] = {
    # the last is the field of the block with the text
    "response.output_text.delta": ("message", "output_text", "text"),
    "response.refusal.delta": ("message", "refusal", "refusal"),
    "response.reasoning_summary_text.delta": ("reasoning", "summary_text", "text"),
    "response.reasoning_text.delta": ("reasoning", "reasoning_text", "text"),
}
_LAST = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
_KEPT = ("id", "model", "background", "service_tier", "usage", "incomplete_details", "error")
_DELTA_FIELDS = ("output_index", "content_index", "summary_index", "delta")
_Piece = tuple[str, object, object, object]
_ITEM_FIELDS = ("id", "call_id", "name", "role", "server_label")


def add_piece(event: Any, events: list[Any]) -> bool:
    """Append what an event adds to a text: its kind, its place, and the piece.

    This runs for each event, in the caller's thread: the SDK's models are read directly.
    """
    try:
        fields = event.__dict__
        kind = fields["type"]
        if kind not in _FIELDS and kind not in _BLOCKS:
            return False
        place = fields["output_index"], fields.get("content_index") or fields.get("summary_index")
        events.append((kind, *place, fields["delta"]))
    except (AttributeError, KeyError, TypeError):
        return False
    return True


def compact_chunk(event: Any) -> Any:
    """Copy what `assemble` reads of an event: before the last, a response only repeats the request.

    The program may write to the event, and the SDK's model takes a hundred times its text.
    """
    fields = fields_of(event)
    kind = text(fields.get("type"))
    if kind in _FIELDS or kind in _BLOCKS:
        return {"type": kind, **{name: fields.get(name) for name in _DELTA_FIELDS}}
    response = fields.get("response")
    if response is None or kind in _LAST:
        return copied(event)
    known = {name: copied(read(response, name)) for name in (*_KEPT, "status")}
    return {"type": kind, "response": known}


class _Draft:
    """Collect the events of one output item."""

    def __init__(self) -> None:
        self.item: Any = None
        self.done = False
        self.type: str | None = None
        self.pieces: dict[tuple[str, int], list[str]] = {}

    def add(self, kind: str, index: object, piece: object) -> None:
        """Add a piece to the text with this index among those of the item."""
        self.type, name = (_FIELDS.get(kind) or _BLOCKS[kind])[:2]
        self.pieces.setdefault((name, integer(index) or 0), []).append(text(piece) or "")

    def whole(self) -> Any:
        """Return the item as the provider gave it at its end, else assembled from its events."""
        if self.done or not self.pieces:
            return self.item
        found: dict[str, Any] = {name: read(self.item, name) for name in _ITEM_FIELDS}
        found["type"] = text(read(self.item, "type")) or self.type
        blocks = {name: field for _, name, field in _BLOCKS.values()}
        content: list[dict[str, Any]] = []
        for (name, _), pieces in sorted(self.pieces.items()):
            if name in blocks:
                content.append({"type": name, blocks[name]: "".join(pieces)})
            else:
                found[name] = "".join(pieces)
        return {**found, "content": content} if content else found


class _Drafts:
    """Collect the events of all output items; some gateways number every item 0."""

    def __init__(self) -> None:
        self._all: list[tuple[int, _Draft]] = []
        self._latest: dict[int, _Draft] = {}
        self._by_id: dict[tuple[int, str | None], _Draft] = {}

    def draw(self, kind: str, event: Any) -> None:
        index = integer(read(event, "output_index"))
        if index is None:
            return
        if kind in ("response.output_item.added", "response.output_item.done"):
            self._place(index, read(event, "item"), kind.endswith(".done"))
        elif kind in _FIELDS or kind in _BLOCKS:
            within = read(event, "content_index") or read(event, "summary_index")
            self.add(kind, index, within, read(event, "delta"))

    def add(self, kind: str, index: object, within: object, piece: object) -> None:
        """Add what `add_piece` found."""
        number = integer(index)
        if number is not None:
            (self._latest.get(number) or self._new(number)).add(kind, within, piece)

    def _place(self, index: int, item: Any, done: bool) -> None:
        key = (index, text(read(item, "id")))
        draft = self._by_id.get(key) or self._latest.get(index)
        if draft is None or (not done and draft.item is not None):
            draft = self._new(index)
        self._by_id[key] = draft
        draft.item, draft.done = item, done

    def _new(self, index: int) -> _Draft:
        draft = self._latest[index] = _Draft()
        self._all.append((index, draft))
        return draft

    def whole(self) -> list[Any]:
        return [draft.whole() for _, draft in sorted(self._all, key=lambda entry: entry[0])]


def assemble(events: list[Any]) -> Any:
    """Return the response in the last event; without that event, what is known so far."""
    return _final(events) or _so_far(events)


def _final(events: list[Any]) -> Any:
    """Return the response at the end of a stream, if its output is in it."""
    for event in reversed(events):
        response = None if type(event) is tuple else read(event, "response")
        if response is not None:
            whole = _kind(event) in _LAST and items(read(response, "output"))
            return response if whole else None
    return None


def _kind(event: Any) -> str:
    return text(read(event, "type")) or text(read(event, "event")) or ""


def _so_far(events: list[Any]) -> dict[str, Any]:
    latest: Any = None
    ended = False
    error: Any = None
    drafts = _Drafts()
    for event in events:
        if type(event) is tuple:
            drafts.add(*cast("_Piece", event))
            continue
        kind = _kind(event)
        if read(event, "response") is not None:
            latest, ended = read(event, "response"), kind in _LAST
        elif kind == "error":
            error = read(event, "data") or event  # the oldest supported SDKs wrap the error
        else:
            drafts.draw(kind, event)
    whole = {name: read(latest, name) for name in _KEPT}
    whole["status"] = text(read(latest, "status")) if ended else ""
    whole["output"] = drafts.whole()
    return {**whole, "status": "failed", "error": error} if error is not None else whole
