"""Put wrappers on the methods of an SDK's classes, exactly once, and take them off.

The wrapper decides per call whether the client is recorded; the `pulse_*` parameters are
taken out in any case, so that the SDK never sees them.
"""

from __future__ import annotations

import importlib
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import wrapt
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from pulse_otel.instrumentation.call import Endpoint, LlmCall
from pulse_otel.instrumentation.guard import guarded
from pulse_otel.instrumentation.recorder import MARK, Observed, observed_options, recorder_for
from pulse_otel.instrumentation.stream import follow
from pulse_otel.log import complaints

_PARAMETERS = {
    "pulse_session_id": "session_id",
    "pulseSessionId": "session_id",
    "pulse_metadata": "metadata",
    "pulseMetadata": "metadata",
}

_lock = threading.Lock()
_patched: dict[tuple[type, str], Any] = {}


def _take_parameters(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Remove the ``pulse_*`` parameters from `kwargs`, and return what they say."""
    return {
        name: kwargs.pop(parameter)
        for parameter, name in _PARAMETERS.items()
        if parameter in kwargs
    }


def _merge(observed: Observed | None, per_call: Mapping[str, Any]) -> Observed:
    """The options of a call: per call wins over per client; metadata is extended."""
    base = observed or Observed()
    if not per_call:
        return base
    session = per_call.get("session_id")
    metadata = per_call.get("metadata")
    return Observed(
        provider=base.provider,
        session_id=base.session_id if session is None else str(session),
        metadata={**base.metadata, **metadata} if isinstance(metadata, Mapping) else base.metadata,
    )


def _open(
    endpoint: Endpoint, instance: Any, kwargs: dict[str, Any], per_call: dict[str, Any]
) -> LlmCall | None:
    client = getattr(instance, "_client", None)
    observed = observed_options(client)
    recorder = recorder_for(endpoint.sdk, observed)
    if recorder is None or not is_instrumentation_enabled():
        return None
    return LlmCall.open(endpoint, recorder, client, kwargs, _merge(observed, per_call))


def _ask_for_usage(endpoint: Endpoint, instance: Any, kwargs: dict[str, Any]) -> bool:
    """Whether the server was asked, in our copy of the arguments, for a chunk to be hidden."""
    client = getattr(instance, "_client", None)
    recorder = recorder_for(endpoint.sdk, observed_options(client))
    if recorder is None or not is_instrumentation_enabled():
        return False
    return endpoint.ask_for_usage(recorder.stream_usage, client, kwargs)


def _sync_wrapper(endpoint: Endpoint) -> Callable[..., Any]:
    def wrapper(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
        kwargs = dict(kwargs)  # a partial's own dict may have been passed
        per_call = _take_parameters(kwargs)
        call = guarded(_open, endpoint, instance, kwargs, per_call)
        if call is None:
            return wrapped(*args, **kwargs)
        call.hides_usage = bool(guarded(_ask_for_usage, endpoint, instance, kwargs))
        token = call.attach()
        try:
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            call.finish(error)
            raise
        finally:
            call.detach(token)
        return follow(result, call)

    return wrapper


def _async_wrapper(endpoint: Endpoint) -> Callable[..., Any]:
    def wrapper(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
        kwargs = dict(kwargs)
        per_call = _take_parameters(kwargs)
        sent = dict(kwargs)
        asked = bool(guarded(_ask_for_usage, endpoint, instance, sent))
        # Called now, so that a wrong argument raises where it does without us.
        awaitable = wrapped(*args, **sent)
        if recorder_for(endpoint.sdk, observed_options(getattr(instance, "_client", None))) is None:
            return awaitable

        async def run() -> Any:
            call = guarded(_open, endpoint, instance, kwargs, per_call)
            if call is None:
                return await awaitable
            call.hides_usage = asked
            token = call.attach()
            try:
                result = await awaitable
            except BaseException as error:
                call.finish(error)
                raise
            finally:
                call.detach(token)
            return follow(result, call)

        recorded: Any = run()
        recorded.__qualname__ = getattr(awaitable, "__qualname__", recorded.__qualname__)
        if hasattr(awaitable, "close"):
            # If ours never runs (cancelled before its first step), the SDK's must not be found
            # "never awaited" in our place.
            weakref.finalize(recorded, awaitable.close).atexit = False
        return recorded

    return wrapper


def _copy_wrapper(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
    """A client made from an observed one is observed."""
    clone = wrapped(*args, **kwargs)
    mark = observed_options(instance)
    if mark is not None:
        clone.__dict__.setdefault(MARK, mark)
    return clone


def _wrap(owner: type, name: str, wrapper: Callable[..., Any]) -> None:
    original = owner.__dict__.get(name)
    if original is None or (owner, name) in _patched:
        return
    _patched[owner, name] = original
    setattr(owner, name, wrapt.FunctionWrapper(original, wrapper))


def patch_endpoints(endpoints: Iterable[Endpoint]) -> None:
    """Wrap each endpoint's method and its async twin; what an SDK version lacks is skipped."""
    with _lock:
        for endpoint in endpoints:
            try:
                module = importlib.import_module(endpoint.module)
            except ImportError:
                complaints.warn(
                    f"missing:{endpoint.module}",
                    "pulse-otel: this %s version has no %s; its calls are not recorded",
                    endpoint.sdk,
                    endpoint.module,
                )
                continue
            for prefix, make in (("", _sync_wrapper), ("Async", _async_wrapper)):
                owner = getattr(module, prefix + endpoint.owner, None)
                if isinstance(owner, type):
                    _wrap(owner, endpoint.method, make(endpoint))


def patch_copies(client_class: type) -> None:
    """Wrap `copy` and `with_options` on every class of the MRO that defines them."""
    with _lock:
        for owner in client_class.__mro__:
            for name in ("copy", "with_options"):
                _wrap(owner, name, _copy_wrapper)
