"""Patch the SDKs that are recorded: one of them now, or each as the program imports it."""

from __future__ import annotations

import importlib
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from pulse_otel.guard import guarded

if TYPE_CHECKING:
    from pulse_otel.instrumentation.patch import Patches

SDKS = ("openai", "anthropic")

_awaited: set[str] = set()  # SDKs whose import wrapt will report


def install(sdk: str) -> Patches:
    """Patch `sdk`, for as long as this process lives. Raises ImportError without it."""
    endpoints: Any = importlib.import_module(f"{__package__}.{sdk}.endpoints")
    patches: Patches = endpoints.install()
    patches.keep = True  # clients stay recorded, even if an instrumentor is turned off
    return patches


def install_when_imported() -> None:
    """Patch each SDK that the program has imported, and the others as it imports them."""
    import wrapt

    for sdk in SDKS:
        if sdk not in sys.modules and sdk not in _awaited:
            _awaited.add(sdk)
            wrapt.register_post_import_hook(partial(_imported, sdk), sdk)
        if sys.modules.get(sdk) is not None:
            guarded(_install_imported, sdk)


def _imported(sdk: str, module: Any) -> None:
    _awaited.discard(sdk)
    guarded(install, sdk)


def _install_imported(sdk: str) -> None:
    try:
        importlib.import_module(sdk)  # waits if another thread is importing it
    except ImportError:
        return
    install(sdk)
