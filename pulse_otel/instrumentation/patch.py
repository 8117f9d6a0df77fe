"""Put wrappers on an SDK's classes, exactly once, and take them off again."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any, cast

import wrapt

from pulse_otel.instrumentation.endpoint import Endpoints
from pulse_otel.instrumentation.guard import guarded
from pulse_otel.instrumentation.parameters import taker
from pulse_otel.instrumentation.recorder import MARK, observed_options
from pulse_otel.instrumentation.request import async_hook, response_hook, sync_hook
from pulse_otel.log import complaints

_lock = threading.RLock()


class Patches:
    """The wrappers on one SDK."""

    def __init__(self, sdk: str) -> None:
        self._sdk = sdk
        self._wrapped: dict[tuple[Any, str], tuple[Any, Any]] = {}  # -> original, wrapper
        self._active = False
        self.keep = False  # while observed clients may live, `release` leaves all as it is

    @property
    def active(self) -> bool:
        """Whether requests pass our hook."""
        return self._active

    def install(self, clients: Iterable[type], endpoints: Endpoints) -> None:
        """Hook the base clients' `request`, take ``pulse_*`` out of the methods, mark copies."""
        with _lock:
            for client in clients:
                self._hook(client, endpoints)
                self.follow_copies(client)
            if self._active:
                self._take_parameters(endpoints)

    def release(self) -> None:
        """Back to the bare SDK; references to a wrapper, wherever held, do nothing any more."""
        with _lock:
            if self.keep:
                return
            self._active = False
            left: dict[tuple[Any, str], tuple[Any, Any]] = {}
            for (owner, name), (original, wrapper) in self._wrapped.items():
                found = owner.__dict__.get(name)
                if found is wrapper:
                    setattr(owner, name, original)
                elif _is_within(wrapper, found):  # somebody wrapped ours: it stays, and passes
                    left[owner, name] = (original, wrapper)
            self._wrapped = left

    def wrap(self, owner: Any, name: str, wrapper: Callable[..., Any]) -> bool:
        """Wrap `name` of a class or module, if it has one of its own; whether it is wrapped.

        Again if our wrapper is gone: what saves and restores a method, as test tools do, may
        have put back an older state. A mock in the method's place is left alone.
        """
        with _lock:
            original: object = owner.__dict__.get(name)
            _, ours = self._wrapped.get((owner, name), (None, None))
            if ours is not None and _is_within(ours, original):
                return True
            if not isinstance(original, (FunctionType, wrapt.ObjectProxy)):
                return False
            wrapped = wrapt.FunctionWrapper(cast("Any", original), wrapper)
            setattr(owner, name, wrapped)
            self._wrapped[owner, name] = (original, wrapped)
            return True

    def follow_copies(self, client: type) -> None:
        """Clients made from an observed one are observed: both names, all classes (design 15)."""
        for owner in client.__mro__:
            for name in ("copy", "with_options"):
                self.wrap(owner, name, _copy)

    def _hook(self, client: type, endpoints: Endpoints) -> None:
        make = async_hook if client.__name__.startswith("Async") else sync_hook
        owner = next((base for base in client.__mro__ if "request" in vars(base)), None)
        if owner is None or not self.wrap(owner, "request", make(endpoints)):
            complaints.warn(
                f"unknown:{self._sdk}",
                "pulse-otel: this %s version sends its calls in a way that we do not know;"
                " they are not recorded",
                self._sdk,
            )
            return
        self._active = True
        self.wrap(owner, "_process_response", response_hook)

    def _take_parameters(self, endpoints: Endpoints) -> None:
        take = taker(lambda: self._active)
        for row in endpoints.rows:
            for method in row.methods:
                module, _, rest = method.partition(":")
                owner, _, name = rest.partition(".")
                for prefix in ("", "Async"):
                    found = _class(module, prefix + owner)
                    if found is not None:
                        self.wrap(found, name, take)


def _is_within(ours: Any, found: Any) -> bool:
    """Whether `found` is our wrapper, or others' wrappers around it."""
    for _ in range(20):
        if found is ours or found is None:
            return found is ours
        found = getattr(found, "__wrapped__", None)
    return False


def _class(module: str, name: str) -> type | None:
    """What this version of the SDK has, or None."""
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None
    return found if isinstance(found, type) else None


def _copy(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
    """A client made from an observed one is observed."""
    clone = wrapped(*args, **kwargs)
    mark = guarded(observed_options, instance)
    if mark is not None:
        clone.__dict__.setdefault(MARK, mark)
    return clone
