"""The documented import name: `pulse_otel`'s names, and nothing of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pulse_otel

if TYPE_CHECKING:
    from pulse_otel import *  # noqa: F403 - the names are those of its `__all__`
    from pulse_otel import __version__ as __version__

__all__: list[str] = []
__all__ += pulse_otel.__all__


if not TYPE_CHECKING:  # to a type checker, it would mean that every name is there

    def __getattr__(name: str) -> Any:
        if name not in __all__ and name != "__version__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(pulse_otel, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})


def _warn_of_the_other(folder: str) -> None:
    """Warn if pulse-trace-sdk is installed in `folder`, where each overwrites the other's files.

    By the names there: what reads the metadata of all distributions takes longer to import than
    everything else here.
    """
    try:
        installed = os.listdir(folder)
    except OSError:  # in a zip file, say
        return
    if any(name.startswith("pulse_trace_sdk-") for name in installed):
        from pulse_otel.log import rate_limited

        rate_limited.warning(
            "pulse-trace-sdk",
            "pulse-otel: the distribution pulse-trace-sdk is installed too and has the same import"
            " name: run `pip uninstall pulse-trace-sdk`, then reinstall pulse-otel",
        )


_warn_of_the_other(os.path.dirname(os.path.dirname(__file__)))
