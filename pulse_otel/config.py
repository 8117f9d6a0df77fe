"""Settings in, frozen Config out: keyword, then environment, then default.

A wrong value raises ConfigError at once; no message ever contains the API key. Where `enabled` is
false, nothing else is checked: a placeholder must not end a program that records nothing.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

from pulse_otel import settings
from pulse_otel.api_url import api_url
from pulse_otel.given import Given
from pulse_otel.log import rate_limited
from pulse_otel.outside import from_outside
from pulse_otel.settings import KEY_PREFIX, ConfigError


class ApiKey:
    """The key; it shows itself to nobody but `reveal`.

    Raises ConfigError for what is no key, or would break out of its HTTP header.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        wrong = _wrong_with(secret)
        if wrong:
            del secret  # a traceback that shows variables is no place for it
            raise ConfigError(wrong)
        self._secret = secret

    def reveal(self) -> str:
        """The key itself, for the Authorization header."""
        return self._secret

    @property
    def is_placeholder(self) -> bool:
        """Whether this is ``pulse_sk_...``, which stands for a key in the documentation."""
        return not self._secret[len(KEY_PREFIX) :].strip(".xX")

    def __repr__(self) -> str:
        return "ApiKey('pulse_sk_…')"

    def __reduce__(self) -> Any:
        raise TypeError("an API key cannot be pickled")

    def __copy__(self) -> ApiKey:
        return self

    def __deepcopy__(self, memo: object) -> ApiKey:
        return self


def _wrong_with(secret: str) -> str:
    if secret.startswith(f"Bearer {KEY_PREFIX}"):
        return "api_key: expected the key alone: leave out 'Bearer'"
    if not secret.startswith(KEY_PREFIX) or len(secret) == len(KEY_PREFIX):
        return f"api_key: expected a string that starts with {KEY_PREFIX!r}"
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        return "api_key: expected printable ASCII without spaces or line breaks"
    return ""


class Config(NamedTuple):
    """The settings, checked. Times in ms, sizes in bytes."""

    api_key: ApiKey | None = None
    api_url: str = "http://localhost:3000"
    batch_size: int = 10
    flush_interval: int = 5000
    enabled: bool = True
    instrument: bool = False
    service_name: str | None = None
    capture_content: bool | None = None
    max_content_bytes: int = settings.MAX_CONTENT_BYTES
    stream_usage: str = "auto"
    sample_rate: float = 1.0
    keep_errors: bool = True
    protocol: str = "auto"
    ca_file: str | None = None
    spool_dir: str | None = None
    redact: Callable[[str], str] | None = None
    prices: Mapping[str, Any] | None = None
    flush_on_sigterm: bool = False
    tracer_provider: Any = None

    @property
    def sends_key(self) -> bool:
        """Whether requests carry the key; else there is none here, whatever was given."""
        return settings.SENDS_KEY[self.protocol]

    @property
    def lacks_key(self) -> bool:
        """Whether a key is needed and missing."""
        return self.enabled and self.sends_key and self.api_key is None


def _api_key(value: object) -> ApiKey:
    if isinstance(value, ApiKey):
        return value
    return ApiKey(value.strip() if isinstance(value, str) else "")


def _service_name(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError("service_name: expected a non-empty string")
    return value.strip()


def _ca_file(value: object) -> str:
    path: object = value if isinstance(value, str) else None
    if isinstance(value, os.PathLike):
        path = cast("os.PathLike[str]", value).__fspath__()
    if not isinstance(path, str) or not os.path.isfile(path):
        raise ConfigError("ca_file: expected the path of a file of PEM certificates that exists")
    return path


def _spool_dir(value: object) -> str:
    path: object = value
    if isinstance(value, os.PathLike):
        path = cast("os.PathLike[str]", value).__fspath__()
    if not isinstance(path, str) or not path.strip() or "\0" in path:
        raise ConfigError("spool_dir: expected the path of a directory")
    return os.path.abspath(os.path.expanduser(path))


def _redact(value: object) -> object:
    """A function, or in the environment where one is: "module:function"."""
    failure = ""
    if isinstance(value, str) and ":" not in value:
        value, failure = None, "; got a text: give the function, do not call it"
    if isinstance(value, str):
        module, _, name = value.strip().partition(":")
        try:
            value = getattr(importlib.import_module(module), name)
        except (Exception, SystemExit) as error:
            if from_outside(error):
                raise
            value, failure = None, f"; its import failed ({type(error).__name__})"
    if not callable(value):
        raise ConfigError(f'redact: expected a function of one text, or "module:function"{failure}')
    return value


def _prices(value: object) -> object:
    from pulse_otel.prices import read_prices  # few programs have their own

    try:
        return read_prices(value)
    except ValueError as error:
        from pulse_otel.masking import masked

        raise ConfigError(f"prices: {masked(str(error), 2048)}") from None


def _tracer_provider(value: object) -> object:
    if not hasattr(value, "add_span_processor") or not hasattr(value, "get_tracer"):
        raise ConfigError(
            "tracer_provider: expected an OpenTelemetry SDK TracerProvider,"
            f" got {type(value).__name__}"
        )
    return value


_CHECKS: dict[str, Callable[[object], Any]] = {
    "api_key": _api_key,
    "api_url": api_url,
    "batch_size": settings.integer("batch_size", 1, 100),
    "flush_interval": settings.integer("flush_interval", 1000, 3_600_000, "milliseconds"),
    "enabled": settings.boolean("enabled"),
    "instrument": settings.boolean("instrument"),
    "service_name": _service_name,
    "capture_content": settings.capture_content,
    "max_content_bytes": settings.max_content_bytes,
    "stream_usage": settings.stream_usage,
    "sample_rate": settings.fraction("sample_rate"),
    "keep_errors": settings.boolean("keep_errors"),
    "protocol": settings.protocol,
    "ca_file": _ca_file,
    "spool_dir": _spool_dir,
    "redact": _redact,
    "prices": _prices,
    "flush_on_sigterm": settings.boolean("flush_on_sigterm"),
    "tracer_provider": _tracer_provider,
}


def _meant(name: str, similarity: float) -> str | None:
    from pulse_otel.near_names import setting_meant  # nearly no program needs it

    return setting_meant(name, _CHECKS, similarity)


def _unknown(key: object) -> ConfigError:
    meant = _meant(str(key), 0.7)
    hint = f" Did you mean {meant!r}?" if meant else f" Valid keys: {', '.join(sorted(_CHECKS))}."
    return ConfigError(f"unknown configuration {settings.shown(key)}.{hint}")


def load_config(
    given: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Check and merge: `overrides` over `given` over ``PULSE_*`` over the defaults.

    None counts as not given. Raises ConfigError; a missing `api_key` is left to the caller.
    """
    hidden = Given(given, overrides, environ)
    del given, overrides, environ
    return checked(hidden)


def checked(given: Given) -> Config:
    """Return the settings of `given`. Raises ConfigError, like `load_config`."""
    if _setting("enabled", given) is False:
        return Config(enabled=False, instrument=_instrument_unchecked(given))
    if given.not_a_dict:
        raise ConfigError(f"config: expected a dict, got {given.not_a_dict}")
    unknown = next((_unknown(key) for key in given.names() if key not in _CHECKS), None)
    if unknown:
        raise unknown
    _complain_about_misspelt(given)
    keyed = settings.SENDS_KEY[_setting("protocol", given) or "auto"]  # else the key is left alone
    names = [name for name in Config._fields if keyed or name != "api_key"]
    found = {name: _setting(name, given) for name in names}
    return Config(**{name: value for name, value in found.items() if value is not None})


def _instrument_unchecked(given: Given) -> bool:
    """Whether every client is to take ``pulse_*`` parameters, as it does where it is recorded."""
    try:
        return _setting("instrument", given) is True
    except ConfigError:
        return False


def _setting(name: str, given: Given) -> Any:
    """The checked value of one setting; None where nobody gives one.

    An error is raised here, where no variable holds the value: it may be a key in a wrong place.
    """
    value, origin = given.value(name)
    if value is None:
        return None
    try:
        return _CHECKS[name](value)
    except ConfigError as error:
        wrong = f"{error}{origin}"
    del value
    raise ConfigError(wrong)


def _complain_about_misspelt(given: Given) -> None:
    """Only of what is nearly a setting: others have variables of that prefix too (PulseAudio)."""
    for name in given.variables():
        setting = name[len("PULSE_") :].lower()
        if not name.startswith("PULSE_") or setting in _CHECKS:
            continue
        meant = _meant(setting, 0.8)
        if meant:
            ours = f"PULSE_{meant.upper()}"
            rate_limited.warning(
                name, "pulse-otel: %s is not a setting; did you mean %s?", name, ours
            )
