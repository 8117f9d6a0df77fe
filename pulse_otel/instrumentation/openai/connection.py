"""Assign the events of a WebSocket connection to the responses that they belong to."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from opentelemetry.context import get_current

from pulse_otel.context import Session
from pulse_otel.guard import guarded
from pulse_otel.instrumentation.call import LlmCall
from pulse_otel.instrumentation.openai.response_connection import EventAdapter, failed
from pulse_otel.instrumentation.providers import server_attributes
from pulse_otel.instrumentation.reading import read, text
from pulse_otel.instrumentation.recorder import (
    Recorder,
    observed_options,
    options_of_call,
    recorder_for,
)
from pulse_otel.instrumentation.suppression import may_record

_CREATE = "response.create"


@dataclass(slots=True, eq=False)
class _PendingResponse:
    """Hold a response that was requested, or that the server began."""

    call: LlmCall | None  # None: it was requested while the recording was paused
    request: dict[str, Any]
    lane: str | None
    event_id: str | None
    id: str | None = None  # the id of the response, once it began


class RecordedConnection:
    """Record the responses of a connection; stored in the ``__dict__`` of the SDK's object."""

    def __init__(self, client: Any, adapter: EventAdapter, own: Session) -> None:
        self._client = client
        self._adapter = adapter
        self._own = own
        self._pending: list[_PendingResponse] = []
        self._lock = threading.Lock()  # one thread may send while another receives
        self.early: list[Mapping[str, Any]] = []  # events sent before there is a connection

    def __del__(self) -> None:
        guarded(self.end)

    def sent(self, event: Any, lane: str | None = None) -> Callable[[BaseException], None] | None:
        """Note `event` before the caller sends it; return a function to call if that fails."""
        recorder = self._recorder()
        if recorder is None:
            return self._sent_while_paused(event, lane)
        if text(read(event, "type")) != _CREATE:
            self._adapter.sent(event)
            return None
        request = self._adapter.request(event)
        lane = lane or text(read(event, "stream_id"))
        response = self._begin(recorder, request, lane, event)
        return partial(self._finish, response)

    def _sent_while_paused(
        self, event: Any, lane: str | None
    ) -> Callable[[BaseException], None] | None:
        """Wait for the response all the same, so that it is not taken for another one."""
        if text(read(event, "type")) != _CREATE or self._wanted() is None:
            return None
        lane = lane or text(read(event, "stream_id"))
        return partial(self._finish, self._wait_for(None, {}, lane, event))

    def received(self, event: Any) -> None:
        """Note that the server sent `event`."""
        recorder = self._recorder()
        if recorder is None and not self._pending:
            return
        kind = text(read(event, "type")) or ""
        item = self._adapter.user_item(kind, event)
        if item is not None:
            self._add_input(item)
        if kind == "error":
            response, chunk = self._response_of_error(event), failed(event)
        else:
            chunk = self._adapter.chunk(kind, event)
            response = None if chunk is None else self._response_of(recorder, kind, event)
        if response is not None:
            if response.call is not None:
                response.call.chunk(chunk)
            if kind == "error" or kind in self._adapter.last:
                self._finish(response)

    def end(self, error: BaseException | None = None) -> None:
        """End the running responses with what arrived so far."""
        for response in list(self._pending):
            self._finish(response, error)

    def _recorder(self) -> Recorder | None:
        return self._wanted() if may_record() else None

    def _wanted(self) -> Recorder | None:
        """Return what would record the calls of the client, wherever recording is not paused."""
        return recorder_for("openai", observed_options(self._client))

    def _begin(
        self, recorder: Recorder, request: dict[str, Any], lane: str | None, event: Any = None
    ) -> _PendingResponse:
        own = options_of_call(observed_options(self._client), self._own)
        endpoint, this = self._adapter.endpoint, weakref.ref(self)
        call = LlmCall.open(endpoint, recorder, self._client, request, own, get_current(), this)
        url = getattr(self._client, "websocket_base_url", None)
        call.span.set_attributes(server_attributes(url))
        return self._wait_for(call, request, lane, event)

    def _wait_for(
        self, call: LlmCall | None, request: dict[str, Any], lane: str | None, event: Any
    ) -> _PendingResponse:
        response = _PendingResponse(call, request, lane, text(read(event, "event_id")))
        with self._lock:
            self._pending.append(response)
        return response

    def _finish(self, response: _PendingResponse, error: BaseException | None = None) -> None:
        with self._lock:
            if response in self._pending:
                self._pending.remove(response)
        if response.call is not None:
            response.call.finish(error)

    def _response_of(
        self, recorder: Recorder | None, kind: str, event: Any
    ) -> _PendingResponse | None:
        """Return the response of `event`: by its id, else the oldest of its lane."""
        response_id = text(read(event, "response", "id")) or text(read(event, "response_id"))
        lane = text(read(event, "stream_id"))
        with self._lock:
            found = [response for response in self._pending if response.lane == lane]
            if kind == "response.created":
                found = [response for response in found if response.id is None]
            elif response_id is not None:
                found = [response for response in found if response.id == response_id]
            if found:
                found[0].id = found[0].id or response_id
                return found[0]
        if kind != "response.created" or recorder is None:
            return None
        response = self._begin(recorder, self._adapter.started_request(event), lane)
        response.id = response_id
        return response

    def _response_of_error(self, event: Any) -> _PendingResponse | None:
        """Return the response that an error ends: one that has not begun, else the running one."""
        event_id = text(read(event, "error", "event_id"))
        lane = text(read(event, "stream_id"))
        pending = [response for response in list(self._pending) if response.lane == lane]
        waiting = [response for response in pending if response.id is None]
        if event_id is not None:
            waiting = pending = [response for response in waiting if response.event_id == event_id]
        found = waiting or (pending if self._adapter.error_ends_response else [])
        return found[0] if found else None

    def _add_input(self, item: Any) -> None:
        pending = list(self._pending)
        if not pending:
            self._adapter.keep_for_next(item)
            return
        response = pending[-1]
        if response.call is None:
            return
        response.request = {
            **response.request,
            "input": [*(response.request.get("input") or ()), item],
        }
        response.call.chunk({"type": "input", "input": response.request["input"]})
