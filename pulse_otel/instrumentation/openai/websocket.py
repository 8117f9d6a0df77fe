"""Record WebSocket connections (`responses.connect`, `realtime.connect`), one span per response.

They do not use the SDK's HTTP client. `send` of the connection sends every event, and
`parse_event` reads every event of the server: a response begins when the caller or the server
begins it, and ends with its last event, with an error event, or with the connection. Classes and
methods are found by name; where a version of the SDK lacks one, nothing is wrapped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from pulse_otel.guard import guarded
from pulse_otel.instrumentation.openai.connection import RecordedConnection
from pulse_otel.instrumentation.openai.realtime import RealtimeAdapter
from pulse_otel.instrumentation.openai.response_connection import EventAdapter, fields
from pulse_otel.instrumentation.parameters import session_from_parameters, split
from pulse_otel.instrumentation.patch import Patches
from pulse_otel.instrumentation.reading import read, text
from pulse_otel.values import plain

_MARK = "_pulse_websocket"
_EARLY = ("response.create", "conversation.item.create")

# Module -> the class with `connect`, and the adapter for the events of its connections.
_CONNECTIONS: dict[str, tuple[str, type[EventAdapter]]] = {
    "openai.resources.responses.responses": ("Responses", EventAdapter),
    "openai.resources.beta.responses.responses": ("Responses", EventAdapter),
    "openai.resources.realtime.realtime": ("Realtime", RealtimeAdapter),
    "openai.resources.beta.realtime.realtime": ("Realtime", RealtimeAdapter),
}
# The SDK's sessions over a Responses connection send by themselves, on lanes.
_LANES = ("openai.lib.responses_websocket._session", "ResponsesWebSocketLane")


def wrap_connections(patches: Patches) -> None:
    """Wrap the methods that make and use a connection."""
    for module, (name, adapter) in _CONNECTIONS.items():
        patches.when_imported(module, partial(_wrap, patches, name, adapter))
    module, name = _LANES
    patches.when_imported(module, partial(_wrap_lanes, patches, name))


def _wrap(patches: Patches, name: str, adapter: type[EventAdapter], module: Any) -> None:
    for prefix, send, receive, enter in (
        ("", _send, _receive, _enter),
        ("Async", _send_async, _receive_async, _enter_async),
    ):
        wrappers: dict[str, dict[str, Callable[..., Any]]] = {
            prefix + name: {"connect": partial(_connect, patches, adapter)},
            f"{prefix}{name}ConnectionManager": {
                "send": _send_early,
                "enter": enter,
                f"__{prefix[:1].lower()}enter__": enter,
                f"__{prefix[:1].lower()}exit__": _exit,
            },
            f"{prefix}{name}Connection": {
                "send": send,
                "recv_bytes": receive,
                "parse_event": _parse,
                "close": _close,
            },
        }
        for owner, methods in wrappers.items():
            for method, wrapper in methods.items():
                _wrap_method(patches, getattr(module, owner, None), method, wrapper)


def _wrap_lanes(patches: Patches, name: str, module: Any) -> None:
    for prefix, send in (("", _send), ("Async", _send_async)):
        _wrap_method(patches, getattr(module, prefix + name, None), "send", send)


def _wrap_method(patches: Patches, owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
    """Wrap a method where it is defined: all connections inherit some from one base class."""
    for base in owner.__mro__ if isinstance(owner, type) else ():
        if name in vars(base):
            patches.wrap(base, name, wrapper)
            return


def _recorded(owner: Any) -> RecordedConnection | None:
    return cast("RecordedConnection | None", getattr(owner, "__dict__", {}).get(_MARK))


def _sent(sender: Any, args: Any, kwargs: Any) -> Callable[[BaseException], None] | None:
    """Note an event that `sender` sends: a connection, or a lane of a session over one."""
    lane = text(read(sender, "_state", "stream_id"))
    recorded = _recorded(sender) or _recorded(read(sender, "_session", "connection"))
    event = args[0] if args else kwargs.get("event")
    return None if recorded is None else recorded.sent(event, lane)


def _connect(
    patches: Patches,
    adapter: type[EventAdapter],
    wrapped: Any,
    resource: Any,
    args: Any,
    kwargs: Any,
) -> Any:
    if not patches.active:
        return wrapped(*args, **kwargs)
    rest, parameters = split(kwargs)
    manager = wrapped(*args, **rest)
    guarded(_mark, manager, resource, adapter, rest, parameters)
    return manager


def _mark(
    manager: Any, resource: Any, adapter: type[EventAdapter], kwargs: Any, parameters: Any
) -> None:
    model = text(kwargs.get("model")) or text(read(kwargs, "extra_query", "model"))
    own = session_from_parameters(parameters)
    manager.__dict__[_MARK] = RecordedConnection(resource._client, adapter(model), own)


def _entered(manager: Any, connection: Any) -> None:
    recorded = _recorded(manager)
    if recorded is not None:
        connection.__dict__[_MARK] = recorded
        early, recorded.early = recorded.early, []
        for event in early:
            recorded.sent(event)


def _enter(wrapped: Any, manager: Any, args: Any, kwargs: Any) -> Any:
    connection = wrapped(*args, **kwargs)
    guarded(_entered, manager, connection)
    return connection


async def _enter_async(wrapped: Any, manager: Any, args: Any, kwargs: Any) -> Any:
    connection = await wrapped(*args, **kwargs)
    guarded(_entered, manager, connection)
    return connection


def _send_early(wrapped: Any, manager: Any, args: Any, kwargs: Any) -> Any:
    result = wrapped(*args, **kwargs)
    guarded(_keep_early, manager, args[0] if args else kwargs.get("event"))
    return result


def _keep_early(manager: Any, event: Any) -> None:
    recorded = _recorded(manager)
    if recorded is not None and text(read(event, "type")) in _EARLY:
        recorded.early.append(fields(plain(event)))


def _exit(wrapped: Any, manager: Any, args: Any, kwargs: Any) -> Any:
    """End the responses before the SDK closes the connection.

    An exception of the caller's own code is no error of theirs; one that ends the task or the
    program is.
    """
    recorded, error = _recorded(manager), args[1] if len(args) > 1 else None
    if recorded is not None:
        guarded(recorded.end, None if isinstance(error, (Exception, GeneratorExit)) else error)
    return wrapped(*args, **kwargs)


def _send(wrapped: Any, sender: Any, args: Any, kwargs: Any) -> Any:
    fail = guarded(_sent, sender, args, kwargs)
    try:
        return wrapped(*args, **kwargs)
    except BaseException as error:
        if fail is not None:
            guarded(fail, error)
        raise


async def _send_async(wrapped: Any, sender: Any, args: Any, kwargs: Any) -> Any:
    fail = guarded(_sent, sender, args, kwargs)
    try:
        return await wrapped(*args, **kwargs)
    except BaseException as error:
        if fail is not None:
            guarded(fail, error)
        raise


def _receive(wrapped: Any, connection: Any, args: Any, kwargs: Any) -> Any:
    try:
        return wrapped(*args, **kwargs)
    except Exception as error:
        guarded(_broken, connection, error)
        raise


async def _receive_async(wrapped: Any, connection: Any, args: Any, kwargs: Any) -> Any:
    try:
        return await wrapped(*args, **kwargs)
    except Exception as error:
        guarded(_broken, connection, error)
        raise


def _broken(connection: Any, error: BaseException) -> None:
    """End the responses of a closed connection; other errors leave it open."""
    recorded, names = _recorded(connection), [kind.__name__ for kind in type(error).__mro__]
    if recorded is not None and "ConnectionClosed" in names:
        recorded.end(None if "ConnectionClosedOK" in names else error)


def _parse(wrapped: Any, connection: Any, args: Any, kwargs: Any) -> Any:
    event = wrapped(*args, **kwargs)
    recorded = _recorded(connection)
    if recorded is not None:
        guarded(recorded.received, event)
    return event


def _close(wrapped: Any, connection: Any, args: Any, kwargs: Any) -> Any:
    recorded = _recorded(connection)
    if recorded is not None:
        guarded(recorded.end)
    return wrapped(*args, **kwargs)
