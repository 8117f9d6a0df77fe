"""Put wrappers on an SDK's classes, exactly once, and take them off again.

The clients' base classes are wrapped at `install`: from then on every call is seen. Everything
else is wrapped when the program imports the module that it is in: the SDKs import most of
theirs at first use, and all of them would take a second and 18 MB from a program that chats.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Iterable
from functools import partial
from types import FunctionType
from typing import Any

import wrapt

from pulse_otel.call_labels import COPYING
from pulse_otel.guard import guarded
from pulse_otel.instrumentation.endpoint import Endpoints
from pulse_otel.instrumentation.parameters import taker
from pulse_otel.instrumentation.recorder import MARK, observed_options
from pulse_otel.instrumentation.request import async_hook, response_hook, sync_hook
from pulse_otel.instrumentation.wrapping import Wrappings
from pulse_otel.log import rate_limited

_lock = threading.RLock()
# Of each SDK: they copy a call's headers for `with_raw_response`, and for the steps of a runner.
_COPYING = ("_response", "_legacy_response", "lib._tool_lifecycle")


class Patches:
    """Hold the wrappers on one SDK."""

    def __init__(self, sdk: str, endpoints: Endpoints) -> None:
        self._sdk = sdk
        self._copying = {f"{sdk}.{module}" for module in _COPYING}
        self._endpoints = endpoints
        self._wrapped: dict[tuple[Any, str], tuple[Any, Any]] = {}  # -> original, wrapper
        self._wrappings = Wrappings()
        self._parts: dict[str, list[Callable[[Any], None]]] = {}  # by module
        self._awaited: set[str] = set()  # modules whose import wrapt will report
        self.active = False  # True: requests pass our hook
        self.keep = False  # observed clients may exist: `release` changes nothing
        take = taker(lambda: self.active)
        for row in endpoints.rows:
            for method in row.methods:
                module, _, rest = method.partition(":")
                owner, _, name = rest.partition(".")
                self.when_imported(module, partial(self._take_parameters, take, owner, name))

    def when_imported(self, module: str, patch: Callable[[Any], None]) -> None:
        """Let `install` run `patch` on `module`: at once, or when the program imports it.

        A module that this version of the SDK does not have is never imported.
        """
        self._parts.setdefault(module, []).append(patch)

    def install(self, clients: Iterable[type]) -> None:
        """Hook the base clients' `request`, mark copies, take ``pulse_*`` out of the methods."""
        with _lock:
            for client in clients:
                self._hook(client)
                self.follow_copies(client)
            if self.active:
                COPYING.update(self._copying)
        # Not under our lock: another thread that is importing a module waits for it there.
        for module in self._parts if self.active else ():
            self._follow(module)

    def release(self) -> None:
        """Restore the bare SDK; a reference to a wrapper that is still held then does nothing."""
        with _lock:
            if self.keep:
                return
            self.active = False
            COPYING.difference_update(self._copying)
            left: dict[tuple[Any, str], tuple[Any, Any]] = {}
            for (owner, name), (original, wrapper) in self._wrapped.items():
                found = owner.__dict__.get(name)
                if found is wrapper:
                    setattr(owner, name, original)
                elif _is_within(
                    wrapper, found
                ):  # another wrapper is around ours: ours stays, and does nothing
                    left[owner, name] = (original, wrapper)
            self._wrapped = left

    def wrap(self, owner: Any, name: str, wrapper: Callable[..., Any]) -> bool:
        """Wrap `name` of a class or module, if it has one of its own; whether it is wrapped.

        Again if our wrapper is gone: what saves and restores a method, as test tools do, may
        have put back an older state. A mock in the method's place is left alone.
        """
        with _lock:
            original: Any = owner.__dict__.get(name)
            _, ours = self._wrapped.get((owner, name), (None, None))
            if ours is not None and _is_within(ours, original):
                return True
            if not isinstance(original, (FunctionType, wrapt.ObjectProxy)):
                return False
            bare, wrapped = self._wrappings.get(original, wrapper, bound=isinstance(owner, type))
            setattr(owner, name, wrapped)
            self._wrapped[owner, name] = (bare, wrapped)
            return True

    def follow_copies(self, client: type) -> None:
        """Observe the clients made from an observed one, by both methods, on all classes."""
        for owner in client.__mro__:
            for name in ("copy", "with_options"):
                self.wrap(owner, name, _copy)

    def _hook(self, client: type) -> None:
        make = async_hook if client.__name__.startswith("Async") else sync_hook
        owner = next((base for base in client.__mro__ if "request" in vars(base)), None)
        if owner is None or not self.wrap(owner, "request", make(self._endpoints)):
            rate_limited.warning(
                f"unknown:{self._sdk}",
                "pulse-otel: this %s version sends its calls in a way that we do not know;"
                " they are not recorded",
                self._sdk,
            )
            return
        self.active = True
        self.wrap(owner, "_process_response", response_hook)

    def _follow(self, module: str) -> None:
        if module not in sys.modules and module not in self._awaited:
            self._awaited.add(module)
            wrapt.register_post_import_hook(partial(self._imported, module), module)
        if sys.modules.get(module) is not None:
            try:  # waits if another thread is importing it
                found = importlib.import_module(module)
            except ImportError:
                return
            self._patch(module, found)

    def _imported(self, module: str, found: Any) -> None:
        """Patch `module` as the program imports it, before anybody can use it."""
        self._awaited.discard(module)
        if self.active:
            guarded(self._patch, module, found)

    def _patch(self, module: str, found: Any) -> None:
        for patch in self._parts[module]:
            patch(found)

    def _take_parameters(
        self, take: Callable[..., Any], owner: str, name: str, module: Any
    ) -> None:
        for prefix in ("", "Async"):
            found = getattr(module, prefix + owner, None)
            if isinstance(found, type):
                self.wrap(found, name, take)


def _is_within(ours: Any, found: Any) -> bool:
    """Return whether `found` is our wrapper, or a wrapper around it."""
    for _ in range(20):
        if found is ours or found is None:
            return found is ours
        found = getattr(found, "__wrapped__", None)
    return False


def _copy(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
    """Mark a client made from an observed one as observed."""
    clone = wrapped(*args, **kwargs)
    mark = guarded(observed_options, instance)
    if mark is not None:
        clone.__dict__.setdefault(MARK, mark)
    return clone
