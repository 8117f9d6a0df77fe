"""Tell which name of ours is meant by one that is none: it has another name in other packages."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

_SETTINGS = {
    **dict.fromkeys(("api_base", "base_url", "endpoint", "host", "url"), "api_url"),
    **dict.fromkeys(("key", "public_key", "secret_key", "token"), "api_key"),
}
_NAMES = {
    **dict.fromkeys(("configure", "init", "initialize", "instrument", "setup"), "init_pulse"),
    **dict.fromkeys(("flush", "force_flush"), "flush_buffer"),
    **dict.fromkeys(("close", "stop"), "shutdown"),
    **dict.fromkeys(("current_session", "propagate_attributes", "set_session"), "session"),
    **dict.fromkeys(("span", "start_span", "task", "workflow"), "trace"),
    **dict.fromkeys(("get_trace_url", "url"), "trace_url"),
    "get_current_trace_id": "current_trace_id",
    "wrap": "observe",
}


def setting_meant(name: str, settings: Collection[str], similarity: float) -> str | None:
    """Return the setting that `name` means, if there is one at least so similar (0 to 1)."""
    return _meant(name, _SETTINGS, settings, similarity)


def name_meant(name: str, names: Collection[str]) -> str | None:
    """Return the name of the package that `name` means, if there is one."""
    return _meant(name, _NAMES, names, 0.7)


def _meant(
    name: str, elsewhere: dict[str, str], ours: Collection[str], similarity: float
) -> str | None:
    if name in elsewhere:
        return elsewhere[name]
    return next(iter(get_close_matches(name, ours, n=1, cutoff=similarity)), None)
