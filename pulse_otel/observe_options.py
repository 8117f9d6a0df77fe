"""The options of `observe`: the labels of every call of a client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict, cast

from pulse_otel.context import Session, label
from pulse_otel.values import plain


@dataclass(frozen=True)
class ObserveOptions:
    """The labels of every call of a client; those of the call itself win."""

    session_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    user_id: str | None = None


class ObserveDict(TypedDict, total=False):
    """Give the options of `ObserveOptions` as a plain dict."""

    session_id: str | None
    metadata: Mapping[str, Any] | None
    user_id: str | None


_NAMES = ("session_id", "metadata", "user_id")


def labels_of(options: object) -> Session:
    """Return the labels that `options` give; TypeError says what is wrong with them."""
    if isinstance(options, Mapping):
        given = dict(cast("Mapping[str, Any]", options))
        unknown = given.keys() - set(_NAMES)
        if unknown:
            raise _unknown(sorted(map(str, unknown)))
        options = ObserveOptions(**given)
    elif not isinstance(options, ObserveOptions):
        raise TypeError(f"observe: expected ObserveOptions or a dict, got {type(options).__name__}")
    metadata: Any = options.metadata or {}
    if not isinstance(metadata, Mapping):
        raise TypeError(f"observe: metadata: expected a dict, got {type(metadata).__name__}")
    return Session(
        id=label("session_id", options.session_id),
        user_id=label("user_id", options.user_id),
        metadata=plain(dict(cast("Mapping[str, Any]", metadata))),
    )


def _unknown(names: list[str]) -> TypeError:
    from difflib import get_close_matches

    near = [match for name in names for match in get_close_matches(name, _NAMES, n=1)]
    hint = f"Did you mean {near[0]!r}?" if near else f"Valid options: {', '.join(_NAMES)}."
    return TypeError(f"observe: unknown options {names}. {hint}")
