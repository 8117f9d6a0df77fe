"""Write the input and output of a unit of work as span attributes: bounded, credentials masked."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pulse_otel import semconv
from pulse_otel.bounds import bounded_json
from pulse_otel.guard import tried
from pulse_otel.instrumentation.reading import answer, text_parts, user_message
from pulse_otel.instrumentation.span_attributes import settable
from pulse_otel.masking import masked, names_secret, without_secrets
from pulse_otel.texts import as_text
from pulse_otel.values import plain

_RECEIVERS = ("self", "cls")
_MOST_YIELDED = 1000  # items of a generator that are kept, unless they are texts
_JOINED = 1024  # texts that are kept one by one


class Arguments:
    """Read what a function was called with, by the names of its parameters, without `self`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    @functools.cached_property
    def _signature(self) -> inspect.Signature | None:
        unknown = (TypeError, ValueError)  # of some functions that are not written in Python
        return tried(inspect.signature, self._function, kinds=unknown, otherwise=None)

    def __call__(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments; none for a call that the function refuses."""
        signature = self._signature
        if signature is None:
            return {**{str(at): value for at, value in enumerate(args)}, **kwargs}
        bound = tried(_bound, signature, args, kwargs, kinds=TypeError, otherwise=None)
        found: dict[str, Any] = {}
        for at, (name, value) in enumerate(bound.arguments.items() if bound else ()):
            kind = signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                found.update(value)
            elif at or name not in _RECEIVERS:
                found[name] = value
        return found


def _bound(
    signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> inspect.BoundArguments:
    return signature.bind(*args, **kwargs)


def question(value: object, limit: int) -> dict[str, Any]:
    """Return the input of a run as the message of a user."""
    return settable(user_message(text_parts(_text(value, limit))), limit)


def said(value: object, limit: int) -> dict[str, Any]:
    """Return the output of a run as the message of an assistant."""
    parts = text_parts(_text(value, limit))
    return settable(answer(parts), limit) if parts else {}


def tool_arguments(value: object, limit: int) -> dict[str, Any]:
    """Return the arguments of a tool, as JSON text."""
    return {semconv.TOOL_CALL_ARGUMENTS: _json(value, limit)}


def tool_result(value: object, limit: int) -> dict[str, Any]:
    """Return the result of a tool, as JSON text."""
    return {} if value is None else {semconv.TOOL_CALL_RESULT: _json(value, limit)}


def only_text(arguments: dict[str, Any]) -> object:
    """Return what a function of one text was asked, or all arguments; None without any."""
    if len(arguments) == 1:
        ((name, only),) = arguments.items()
        if issubclass(type(only), str) and not names_secret(name):
            return as_text(only)
    return arguments or None


def _text(value: object, limit: int) -> str | None:
    if value is None:
        return None
    return masked(value, limit) if type(value) is str else _json(value, limit)


def _json(value: object, limit: int) -> str:
    return bounded_json(without_secrets(value, limit), limit)


class Yielded:
    """Keep what a generator yields, within a limit: texts make one text, other items a list."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: list[Any] = []
        self._size = 0  # characters of texts, at least
        self._texts = True
        self._left_out = 0

    def add(self, item: object) -> None:
        """Keep a copy of `item`, if there is room for it."""
        is_text = type(item) is str
        if self._size > self._limit or (not is_text and len(self._items) >= _MOST_YIELDED):
            self._left_out += 1
            return
        self._texts = self._texts and is_text
        copy = plain(item)
        self._size += len(copy) if type(copy) is str else len(bounded_json(copy, self._limit))
        if is_text and len(self._items) >= _JOINED and self._texts:
            self._items = ["".join(self._items)]
        self._items.append(copy)

    @property
    def value(self) -> object:
        """Return all that was kept; None if nothing was yielded."""
        note = [f"… [{self._left_out} items left out]"] if self._left_out else []
        found = [*self._items, *note]
        if not found:
            return None
        return "".join(found) if self._texts else found
