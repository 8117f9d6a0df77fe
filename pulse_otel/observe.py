"""`observe`: record the calls of one client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias, TypedDict, TypeVar, cast, overload

from pulse_otel.context import Session, label
from pulse_otel.instrumentation.recorder import MARK, Observed, recorders
from pulse_otel.instrumentation.sdks import SDKS, install
from pulse_otel.values import plain

Client = TypeVar("Client")


class Provider(str, Enum):
    """The provider of a client: `OPENAI`, `ANTHROPIC` or `OPENROUTER`."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    OPENROUTER = "openrouter"


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


# Provider -> the SDK of its clients.
_SDKS = {
    Provider.OPENAI: "openai",
    Provider.OPENROUTER: "openai",
    Provider.ANTHROPIC: "anthropic",
}
_Options: TypeAlias = ObserveOptions | ObserveDict | None
_NOTHING: Any = object()


@overload
def observe(client: Client, *, options: _Options = None) -> Client: ...
@overload
def observe(
    client: Client, provider: Provider | str | None, options: _Options = None
) -> Client: ...
def observe(
    client: Any = _NOTHING, provider: object = None, options: object = None, **unknown: object
) -> Any:
    """Record the calls of `client`, and of the clients made from it; return `client` itself.

    Observing a client again replaces its options.

    Args:
        client: A client of the `openai` or `anthropic` SDK, sync or async.
        provider: A `Provider`, or its value. It is needed only for OpenRouter behind a host of
            another name: otherwise the client's class and the host of its `base_url` tell.
        options: `ObserveOptions`, or a dict of the same names.

    Raises:
        TypeError: `client` is no client of an SDK, or none of `provider`'s, or an option is wrong.
        ValueError: There is no such provider.
    """
    if client is _NOTHING:
        from pulse_otel.observe_errors import used_as_decorator

        raise used_as_decorator(sorted(unknown))
    if unknown:
        raise TypeError(f"observe: unexpected {', '.join(unknown)}; give options as `options`")
    sdk = _sdk_of(client)
    if sdk is None:
        from pulse_otel.observe_errors import wrong_client

        raise wrong_client(client, _sdk_of_class(client) is not None)
    mark = _mark(_checked(provider, sdk, client), options)
    patches = install(sdk)
    patches.follow_copies(client.__class__)
    _forget_raw(client, f"{sdk}.resources")
    vars(client)[MARK] = mark
    recorders.asked = True
    return client


_OPTIONS = ("session_id", "metadata", "user_id")
_NAMED = {provider.value: provider for provider in Provider}
_RAW = ("with_raw_response", "with_streaming_response")


def _forget_raw(owner: object, package: str) -> None:
    """Drop the raw wrappers that the SDK cached: they hold methods from before our patch."""
    kept: dict[str, Any] = vars(owner)
    for name in _RAW:
        kept.pop(name, None)
    for value in list(kept.values()):
        if type(value).__module__.startswith(package):
            _forget_raw(value, package)


def _checked(provider: object, sdk: str, client: object) -> Provider | None:
    """Return `provider` as one of ours, if it is given; its clients are those of `sdk`."""
    if provider is None:
        return None
    if isinstance(provider, Mapping | ObserveOptions):
        raise TypeError("observe: give options by their name: observe(client, options=...)")
    # No `except ValueError`: a signal handler may raise one here.
    chosen = _NAMED.get(provider.lower()) if isinstance(provider, str) else None
    if chosen is None:
        names = ", ".join(map(repr, _NAMED))
        raise ValueError(f"observe: unknown provider {provider!r:.40}; expected {names}")
    if _SDKS[chosen] != sdk:
        raise TypeError(
            f"observe: Provider.{chosen.name} takes a client of the {_SDKS[chosen]!r} package"
            f" (sync or async), got {type(client).__module__}.{type(client).__qualname__}"
        )
    return chosen


def _sdk_of(client: object) -> str | None:
    return _sdk_of_class(type(client))


def _sdk_of_class(kind: object) -> str | None:
    """Compare names, so that no SDK is imported that the program does not use."""
    for owner in kind.__mro__ if isinstance(kind, type) else ():
        package = owner.__module__.partition(".")[0]
        if owner.__name__ in ("SyncAPIClient", "AsyncAPIClient") and package in SDKS:
            return package
    return None


def _unknown(names: list[str]) -> TypeError:
    from difflib import get_close_matches

    near = [match for name in names for match in get_close_matches(name, _OPTIONS, n=1)]
    hint = f"Did you mean {near[0]!r}?" if near else f"Valid options: {', '.join(_OPTIONS)}."
    return TypeError(f"observe: unknown options {names}. {hint}")


def _mark(provider: Provider | None, options: object) -> Observed:
    if options is None:
        options = ObserveOptions()
    elif isinstance(options, Mapping):
        given = dict(cast("Mapping[str, Any]", options))
        unknown = given.keys() - set(_OPTIONS)
        if unknown:
            raise _unknown(sorted(map(str, unknown)))
        options = ObserveOptions(**given)
    elif not isinstance(options, ObserveOptions):
        raise TypeError(f"observe: expected ObserveOptions or a dict, got {type(options).__name__}")
    metadata: Any = options.metadata or {}
    if not isinstance(metadata, Mapping):
        raise TypeError(f"observe: metadata: expected a dict, got {type(metadata).__name__}")
    return Observed(
        provider="openrouter" if provider is Provider.OPENROUTER else None,
        session=Session(
            id=label("session_id", options.session_id),
            user_id=label("user_id", options.user_id),
            metadata=plain(dict(cast("Mapping[str, Any]", metadata))),
        ),
    )
