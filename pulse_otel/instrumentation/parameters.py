"""Take a call's own labels out of the SDK's methods, and carry them to the request.

They are ``pulse_*`` parameters, or on headers that `pulse_otel.call` made. They travel as one
private entry of ``extra_headers``, which every method of both SDKs hands on to the request it
makes, now or later, in whatever task or thread. The request hook takes the entry out again;
nothing of it is sent. The labels are text in it, because the SDKs may copy headers as text on the
way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from pulse_otel.call_labels import ENTRY, labels_of
from pulse_otel.context import Session, label, with_summary
from pulse_otel.guard import guarded
from pulse_otel.instrumentation.reading import given, loads
from pulse_otel.instrumentation.wrapping import uncounted
from pulse_otel.log import rate_limited
from pulse_otel.values import plain

_PARAMETERS = {
    "pulse_session_id": "session_id",
    "pulseSessionId": "session_id",
    "pulse_user_id": "user_id",
    "pulseUserId": "user_id",
    "pulse_metadata": "metadata",
    "pulseMetadata": "metadata",
    "pulse_summary": "summary",
    "pulseSummary": "summary",
}
_TAKEN = frozenset(_PARAMETERS) | {"extra_headers"}  # a call without these has no labels of its own

Inherited = Callable[[Any], Mapping[str, Any]]
"""The object whose method is called -> the headers that it uses where a call gives none."""


def split(kwargs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return `kwargs` without the parameters, and the call's labels by their names in the entry."""
    own = {
        name: plain(kwargs[parameter])
        for parameter, name in _PARAMETERS.items()
        if parameter in kwargs
    }
    return _dropped(kwargs), {**_on_headers(kwargs), **own}


def _on_headers(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    labels = labels_of(kwargs.get("extra_headers"))
    return {name: plain(labels[name]) for name in labels}


def carry(kwargs: Mapping[str, Any], inherited: Mapping[str, Any]) -> dict[str, Any]:
    """Return `kwargs` with the call's labels moved into a copy of ``extra_headers``."""
    rest, own = split(kwargs)
    headers: Any = rest.get("extra_headers")
    if not given(headers):
        headers = inherited
    if isinstance(headers, Mapping):
        known = cast("Mapping[str, Any]", headers)
        parameters = {**_read(inherited), **_read(known), **own}
        rest["extra_headers"] = {**known, ENTRY: json.dumps(parameters)}
    return rest


def taker(is_active: Callable[[], bool], inherited: Inherited | None = None) -> Callable[..., Any]:
    """Make a wrapper for an SDK's method; while not `is_active` it does nothing."""

    def take(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        if _TAKEN.isdisjoint(kwargs):
            return wrapped(*args, **kwargs)
        headers = (inherited and guarded(inherited, instance)) or {}
        if not (_has_labels(kwargs, headers) and is_active()):
            return wrapped(*args, **kwargs)
        return wrapped(*args, **(guarded(carry, kwargs, headers) or _dropped(kwargs)))

    return uncounted(take, "take")


def _has_labels(kwargs: Mapping[str, Any], inherited: Mapping[str, Any]) -> bool:
    """Return whether a call has labels, or headers in the place of `inherited` ones with labels."""
    headers = kwargs.get("extra_headers")
    return (
        bool(labels_of(headers))
        or not _PARAMETERS.keys().isdisjoint(kwargs)
        or (ENTRY in inherited and given(headers))
    )


def _dropped(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if name not in _PARAMETERS}


def carried(options: Any) -> dict[str, Any] | None:
    """Return the parameters on a request's options; None if there are none."""
    headers = getattr(options, "headers", None)
    if not given(headers) or not isinstance(headers, Mapping) or ENTRY not in headers:
        return None
    return _read(cast("Mapping[str, Any]", headers))


def _read(headers: Mapping[str, Any]) -> dict[str, Any]:
    text = headers.get(ENTRY)
    # Another library may have a header of that name.
    found: Any = loads(text, otherwise={}) if isinstance(text, str) else {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def session_from_parameters(parameters: Mapping[str, Any]) -> Session:
    """Make a session of the parameters of a call, by the names under which they are carried."""
    metadata: Any = parameters.get("metadata") or {}
    if not isinstance(metadata, Mapping):
        kind = type(metadata).__name__
        rate_limited.warning("metadata", "pulse-otel: metadata: expected a dict, got %s", kind)
        metadata = {}
    return Session(
        id=label("session_id", parameters.get("session_id")),
        user_id=label("user_id", parameters.get("user_id")),
        metadata=with_summary(cast("Mapping[str, Any]", metadata), parameters.get("summary")),
    )


def without_carried(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return `headers` as the caller gave them."""
    return {name: value for name, value in headers.items() if name != ENTRY}
