"""`observe`: record the calls of one client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, cast

from pulse_otel.context import Session
from pulse_otel.instrumentation.recorder import MARK, Observed, recorders
from pulse_otel.values import as_text, plain

if TYPE_CHECKING:
    from pulse_otel.instrumentation.patch import Patches

Client = TypeVar("Client")


class Provider(str, Enum):
    """Name the provider of a client."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    OPENROUTER = "openrouter"


@dataclass(frozen=True)
class ObserveOptions:
    """Label every call of a client; the call's own `pulse_*` parameters win."""

    session_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    user_id: str | None = None


class ObserveDict(TypedDict, total=False):
    """Give the options of `ObserveOptions` as a plain dict."""

    session_id: str | None
    metadata: Mapping[str, Any] | None
    user_id: str | None


def _install_openai() -> Patches:
    from pulse_otel.instrumentation.openai.endpoints import install

    return install()


def _install_anthropic() -> Patches:
    from pulse_otel.instrumentation.anthropic.endpoints import install

    return install()


# Provider -> the SDK of its clients, and the function that patches that SDK.
_SDKS: dict[Provider, tuple[str, Callable[[], Patches]]] = {
    Provider.OPENAI: ("openai", _install_openai),
    Provider.OPENROUTER: ("openai", _install_openai),
    Provider.ANTHROPIC: ("anthropic", _install_anthropic),
}


def observe(
    client: Client,
    provider: Provider | str,
    options: ObserveOptions | ObserveDict | None = None,
) -> Client:
    """Record the calls of `client`, and of the clients made from it; returns `client` itself.

    `provider` is one of `Provider`, or its value in any case. Observing again replaces the
    options. Raises TypeError for a client that is not one of `provider`'s SDK or for wrong
    options, ValueError for an unknown provider.
    """
    chosen = _provider(provider)
    sdk, install = _SDKS[chosen]
    if not _is_client(client, sdk):
        raise TypeError(
            f"observe: Provider.{chosen.name} takes a client of the {sdk!r} package"
            f" (sync or async), got {type(client).__module__}.{type(client).__qualname__}"
        )
    mark = _mark(chosen, options)
    patches = install()
    patches.keep = True  # the client stays observed, even if an instrumentor is turned off
    patches.follow_copies(type(client))
    _forget_raw(client, f"{sdk}.resources")
    vars(client)[MARK] = mark
    recorders.asked = True
    return client


_OPTIONS = ("session_id", "metadata", "user_id")
_RAW = ("with_raw_response", "with_streaming_response")


def _forget_raw(owner: object, package: str) -> None:
    """Drop the raw wrappers that the SDK cached: they hold methods from before our patch."""
    kept: dict[str, Any] = vars(owner)
    for name in _RAW:
        kept.pop(name, None)
    for value in list(kept.values()):
        if type(value).__module__.startswith(package):
            _forget_raw(value, package)


def _provider(provider: object) -> Provider:
    try:
        return Provider(provider.lower() if isinstance(provider, str) else provider)
    except ValueError:
        names = ", ".join(repr(item.value) for item in Provider)
        raise ValueError(f"observe: unknown provider {provider!r:.40}; expected {names}") from None


def _is_client(client: object, sdk: str) -> bool:
    """Compare names, so that no SDK is imported that the program does not use."""
    return not isinstance(client, type) and any(
        owner.__name__ in ("SyncAPIClient", "AsyncAPIClient")
        and owner.__module__.partition(".")[0] == sdk
        for owner in type(client).__mro__
    )


def _unknown(names: list[str]) -> TypeError:
    from difflib import get_close_matches

    near = [match for name in names for match in get_close_matches(name, _OPTIONS, n=1)]
    hint = f"Did you mean {near[0]!r}?" if near else f"Valid options: {', '.join(_OPTIONS)}."
    return TypeError(f"observe: unknown options {names}. {hint}")


def _mark(provider: Provider, options: object) -> Observed:
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
            id=None if options.session_id is None else as_text(options.session_id),
            user_id=None if options.user_id is None else as_text(options.user_id),
            metadata=plain(dict(cast("Mapping[str, Any]", metadata))),
        ),
    )
