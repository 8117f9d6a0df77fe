"""Make a function that wraps an SDK's, and is a plain function as that is.

No proxy: a function pickles and copies by its qualified name, and binds to a method of Python's
own, so that config dicts, process pools, `inspect` and weak references work as without us.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

Wrapper = Callable[[Any, Any, Any, Any], Any]
"""What is called instead: with the function as bound, the instance, the arguments."""


class Wrappings:
    """Makes one function for each that is wrapped, under however many names the SDK has it.

    `with_options` is `copy`, and some classes have methods of others: a function is pickled by the
    name that it was defined under, where the same one must be found.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[int, Wrapper], tuple[Any, FunctionType]] = {}

    def get(self, found: Any, wrapper: Wrapper, *, bound: bool) -> tuple[Any, FunctionType]:
        """Return the bare function, and the one that calls `wrapper` for it.

        `found` may be one that was returned before; `bound`: it is one of a class.
        """
        key = id(found), wrapper
        if key not in self._made:
            made = found, _wrapping(found, wrapper, bound)
            self._made[key] = self._made[id(made[1]), wrapper] = made
        return self._made[key]


def _wrapping(original: Any, wrapper: Wrapper, bound: bool) -> FunctionType:
    is_async = inspect.iscoroutinefunction(original)
    mark: Callable[[Any], Any] | None = getattr(inspect, "markcoroutinefunction", None)  # of 3.12
    make = _method if bound else _function
    if is_async and mark is None:
        make = _async_method
    code = getattr(original, "__code__", None)
    function = uncounted(make(original, wrapper), getattr(code, "co_name", original.__name__))
    functools.update_wrapper(function, original)
    if is_async and mark is not None:
        mark(function)
    return function


def uncounted(function: Any, name: str) -> FunctionType:
    """Return a copy of `function` that the `stacklevel` of a warning does not count.

    The SDKs warn of retired models with a stack level that names the caller's line. Python
    passes over frames of its import machinery, which it knows by these words in their file
    name; without this the warning would name our line, and so not be shown.
    """
    code = function.__code__.replace(
        co_filename="<pulse_otel, as importlib._bootstrap>", co_name=name
    )
    return FunctionType(code, function.__globals__, name, None, function.__closure__)


def _method(original: Any, wrapper: Wrapper) -> Any:
    bind = original.__get__

    def method(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return wrapper(bind(self, None), self, args, kwargs)

    return method


def _async_method(original: Any, wrapper: Wrapper) -> Any:
    """Make a coroutine function: before Python 3.12, no other function can pass for one."""
    bind = original.__get__

    async def method(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return await wrapper(bind(self, None), self, args, kwargs)

    return method


def _function(original: Any, wrapper: Wrapper) -> Any:
    def function(*args: Any, **kwargs: Any) -> Any:
        return wrapper(original, None, args, kwargs)

    return function
