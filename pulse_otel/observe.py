"""`observe`: record the calls of one client."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar, overload

from pulse_otel.context import NO_SESSION
from pulse_otel.instrumentation.recorder import MARK, Observed, recorders
from pulse_otel.instrumentation.sdks import SDKS, install

if TYPE_CHECKING:
    from pulse_otel.observe_options import ObserveDict, ObserveOptions

Client = TypeVar("Client")


class Provider(str, Enum):
    """The provider of a client: `OPENAI`, `ANTHROPIC` or `OPENROUTER`."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    OPENROUTER = "openrouter"


# Provider -> the SDK of its clients.
_SDKS = {
    Provider.OPENAI: "openai",
    Provider.OPENROUTER: "openai",
    Provider.ANTHROPIC: "anthropic",
}
_NOTHING: Any = object()


@overload
def observe(client: Client, *, options: ObserveOptions | ObserveDict | None = None) -> Client: ...
@overload
def observe(
    client: Client,
    provider: Provider | str | None,
    options: ObserveOptions | ObserveDict | None = None,
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
    # No `except ValueError`: a signal handler may raise one here.
    chosen = _NAMED.get(provider.lower()) if isinstance(provider, str) else None
    if chosen is None:
        from pulse_otel.observe_errors import wrong_provider

        raise wrong_provider(provider, list(_NAMED))
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


def _mark(provider: Provider | None, options: object) -> Observed:
    session = NO_SESSION
    if options is not None:
        from pulse_otel.observe_options import labels_of

        session = labels_of(options)
    return Observed("openrouter" if provider is Provider.OPENROUTER else None, session)
