"""The ``pulse_*`` parameters of a call: taken out of the SDK's methods, carried to its request.

They travel as one private entry of ``extra_headers``, which every method of both SDKs hands
on to the request it makes, now or later, in whatever task or thread. The request hook takes
the entry out again; nothing of it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, cast

from pulse_otel.instrumentation.reading import given

_PARAMETERS = {
    "pulse_session_id": "session_id",
    "pulseSessionId": "session_id",
    "pulse_user_id": "user_id",
    "pulseUserId": "user_id",
    "pulse_metadata": "metadata",
    "pulseMetadata": "metadata",
}
_ENTRY = "x-pulse-parameters"


class _Carried(str):
    """A header's value that has the parameters on it."""

    __slots__ = ("parameters",)
    parameters: dict[str, Any]


def _carry(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """`kwargs` with the parameters moved into a copy of ``extra_headers``."""
    carried = _Carried("")
    carried.parameters = {
        name: kwargs[parameter] for parameter, name in _PARAMETERS.items() if parameter in kwargs
    }
    rest = {name: value for name, value in kwargs.items() if name not in _PARAMETERS}
    headers: Any = rest.get("extra_headers")
    if isinstance(headers, Mapping):
        rest["extra_headers"] = {**cast("Mapping[str, Any]", headers), _ENTRY: carried}
    elif not given(headers):
        rest["extra_headers"] = {_ENTRY: carried}
    return rest


def taker(is_active: Callable[[], bool]) -> Callable[..., Any]:
    """A wrapper for an SDK's method; while not `is_active` it does nothing at all."""

    def take(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        if _PARAMETERS.keys().isdisjoint(kwargs) or not is_active():
            return wrapped(*args, **kwargs)
        return wrapped(*args, **_carry(kwargs))

    return _uncounted(take)


def _uncounted(function: Any) -> FunctionType:
    """`function`, passed over when a warning's `stacklevel` is counted.

    The SDKs warn of retired models with a stack level that names the caller's line. Python
    passes over frames of its import machinery, which it knows by these words in their file
    name; without this the warning would name our line, and so not be shown.
    """
    code = function.__code__.replace(co_filename="<pulse_otel, as importlib._bootstrap>")
    return FunctionType(code, function.__globals__, function.__name__, None, function.__closure__)


def carried(options: Any) -> dict[str, Any] | None:
    """The parameters on a request's options; None if there are none."""
    headers = getattr(options, "headers", None)
    value: Any = cast("Any", headers).get(_ENTRY) if isinstance(headers, Mapping) else None
    return value.parameters if isinstance(value, _Carried) else None


def without_carried(headers: Mapping[str, Any]) -> dict[str, Any]:
    """`headers` as the caller gave them."""
    return {name: value for name, value in headers.items() if name != _ENTRY}
