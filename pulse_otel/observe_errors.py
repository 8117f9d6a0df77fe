"""Say what to do with a value that `observe` does not take."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from pulse_otel.observe_options import ObserveOptions

_EVERY_CLIENT = "init_pulse(instrument=True) records every client of the program"
_NO_DECORATOR = (
    "it records a client and is no decorator; pulse_otel.trace is the one that records a function"
)
# Package -> how its users reach the SDK's client.
_PACKAGES = {
    "instructor": "observe the SDK's client first: instructor.from_openai(observe(OpenAI()))",
    "langchain": f"it makes clients of its own; {_EVERY_CLIENT}",
    "llama_index": f"it makes clients of its own; {_EVERY_CLIENT}",
}


def _class_of(value: object) -> type:
    return type(value)


def wrong_client(value: object, is_client_class: bool) -> TypeError:
    """Return the error for `value` in the place of a client."""
    return TypeError(f"observe: {_remedy(value, is_client_class)}")


def used_as_decorator(names: list[str]) -> TypeError:
    """Return the error for a call without a client; `names` are unknown arguments of it."""
    given = f" (got {', '.join(names)})" if names else ""
    return TypeError(f"observe: expected a client{given}; {_NO_DECORATOR}")


def wrong_provider(value: object, names: list[str]) -> TypeError | ValueError:
    """Return the error for `value` in the place of a provider; there are those of `names`."""
    if isinstance(value, Mapping | ObserveOptions):
        return TypeError("observe: give options by their name: observe(client, options=...)")
    known = ", ".join(map(repr, names))
    return ValueError(f"observe: unknown provider {value!r:.40}; expected {known}")


def _remedy(value: Any, is_client_class: bool) -> str:
    if isinstance(value, type):
        name = value.__name__
        if is_client_class:
            return f"got the class {name}; make a client of it: observe({name}())"
        return f"got the class {name}; {_NO_DECORATOR}"
    if isinstance(value, ModuleType):
        return f"got the module {value.__name__}; give it a client, or {_EVERY_CLIENT}"
    if inspect.isroutine(value):
        return f"got the function {getattr(value, '__name__', '?')}; {_NO_DECORATOR}"
    if value is None:
        return "got None; give it the client: client = observe(OpenAI())"
    kind = _class_of(value)
    package = next((name for name in _PACKAGES if kind.__module__.startswith(name)), None)
    remedy = (
        _PACKAGES[package]
        if package
        else f"observe the SDK's client, before you hand it on, or {_EVERY_CLIENT}"
    )
    return (
        f"expected a client of the 'openai' or 'anthropic' package (sync or async), got"
        f" {kind.__module__}.{kind.__qualname__}; {remedy}"
    )
