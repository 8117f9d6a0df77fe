"""A WebSocket connection that is watched: which of its events belong to which response."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from pulse_otel.context import Session
from pulse_otel.guard import guarded
from pulse_otel.instrumentation.call import LlmCall
from pulse_otel.instrumentation.openai.response_connection import ResponseEvents, failed
from pulse_otel.instrumentation.providers import server_attributes
from pulse_otel.instrumentation.reading import read, text
from pulse_otel.instrumentation.recorder import (
    Recorder,
    observed_options,
    options_of_call,
    recorder_for,
)

_CREATE = "response.create"


@dataclass(slots=True, eq=False)
class _Turn:
    """One response that was asked for, or began."""

    call: LlmCall
    request: dict[str, Any]
    lane: str | None
    event_id: str | None
    id: str | None = None  # the response's, once it began


class Link:
    """A connection that is watched; lies in the ``__dict__`` of the SDK's object."""

    def __init__(self, client: Any, dialogue: ResponseEvents, own: Session) -> None:
        self._client = client
        self._dialogue = dialogue
        self._own = own
        self._turns: list[_Turn] = []
        self._lock = threading.Lock()  # one thread may send while another receives
        self.early: list[Mapping[str, Any]] = []  # sent before there is a connection

    def __del__(self) -> None:
        guarded(self.end)

    def sent(self, event: Any, lane: str | None = None) -> Callable[[BaseException], None] | None:
        """The caller is about to send `event`; what is to be done if that fails."""
        recorder = self._recorder()
        if recorder is None:
            return None
        if text(read(event, "type")) != _CREATE:
            self._dialogue.said(event)
            return None
        request = self._dialogue.request(event)
        lane = lane or text(read(event, "stream_id"))
        turn = self._begin(recorder, request, lane, text(read(event, "event_id")))
        return partial(self._finish, turn)

    def received(self, event: Any) -> None:
        """The server sent `event`."""
        recorder = self._recorder()
        if recorder is None and not self._turns:
            return
        kind = text(read(event, "type")) or ""
        item = self._dialogue.heard(kind, event)
        if item is not None:
            self._heard(item)
        if kind == "error":
            turn, chunk = self._refused(event), failed(event)
        else:
            chunk = self._dialogue.chunk(kind, event)
            turn = None if chunk is None else self._turn(recorder, kind, event)
        if turn is not None:
            turn.call.chunk(chunk)
            if kind == "error" or kind in self._dialogue.last:
                self._finish(turn)

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more will come: the responses that run end with what arrived."""
        for turn in list(self._turns):
            self._finish(turn, error)

    def _recorder(self) -> Recorder | None:
        if not is_instrumentation_enabled():
            return None
        return recorder_for("openai", observed_options(self._client))

    def _begin(
        self, recorder: Recorder, request: dict[str, Any], lane: str | None, event_id: str | None
    ) -> _Turn:
        own = options_of_call(observed_options(self._client), self._own)
        call = LlmCall.open(self._dialogue.endpoint, recorder, self._client, request, own)
        url = getattr(self._client, "websocket_base_url", None)
        call.span.set_attributes(server_attributes(url))
        turn = _Turn(call, request, lane, event_id)
        with self._lock:
            self._turns.append(turn)
        return turn

    def _finish(self, turn: _Turn, error: BaseException | None = None) -> None:
        with self._lock:
            if turn in self._turns:
                self._turns.remove(turn)
        turn.call.finish(error)

    def _turn(self, recorder: Recorder | None, kind: str, event: Any) -> _Turn | None:
        """The response that `event` is of: by its id, else the oldest of its lane."""
        response_id = text(read(event, "response", "id")) or text(read(event, "response_id"))
        lane = text(read(event, "stream_id"))
        with self._lock:
            found = [turn for turn in self._turns if turn.lane == lane]
            if kind == "response.created":
                found = [turn for turn in found if turn.id is None]
            elif response_id is not None:
                found = [turn for turn in found if turn.id == response_id]
            if found:
                found[0].id = found[0].id or response_id
                return found[0]
        if kind != "response.created" or recorder is None:
            return None
        turn = self._begin(recorder, self._dialogue.started(event), lane, None)
        turn.id = response_id
        return turn

    def _refused(self, event: Any) -> _Turn | None:
        """The response that an error ends: one that was not begun, else the one that runs."""
        event_id = text(read(event, "error", "event_id"))
        lane = text(read(event, "stream_id"))
        turns = [turn for turn in list(self._turns) if turn.lane == lane]
        waiting = [turn for turn in turns if turn.id is None]
        if event_id is not None:
            waiting = turns = [turn for turn in waiting if turn.event_id == event_id]
        found = waiting or (turns if self._dialogue.errors_end else [])
        return found[0] if found else None

    def _heard(self, item: Any) -> None:
        turns = list(self._turns)
        if not turns:
            self._dialogue.wait(item)
            return
        turn = turns[-1]
        turn.request = {**turn.request, "input": [*(turn.request.get("input") or ()), item]}
        turn.call.chunk({"type": "input", "input": turn.request["input"]})
