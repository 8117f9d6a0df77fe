"""Patch the SDKs for a block, and restore them after it unless others want them patched."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import wrapt

from pulse_otel.guard import guarded
from pulse_otel.instrumentation.recorder import recorders
from pulse_otel.instrumentation.sdks import SDKS

if TYPE_CHECKING:
    from pulse_otel.instrumentation.patch import Patches

_awaited: set[str] = set()  # SDKs whose import wrapt will report
_blocks: list[dict[str, Patches]] = []  # each with the SDKs that it has patched


@contextmanager
def patched_sdks() -> Generator[None]:
    """Patch each SDK that the program has imported, and the others as it imports them."""
    block: dict[str, Patches] = {}
    _blocks.append(block)
    try:
        for sdk in SDKS:
            if sys.modules.get(sdk) is not None:
                guarded(_patch, sdk)
            elif sdk not in _awaited:
                _awaited.add(sdk)
                wrapt.register_post_import_hook(partial(_imported, sdk), sdk)
        yield
    finally:
        _blocks.remove(block)
        for sdk, patches in block.items():
            if sdk not in recorders.instrumented:  # turned on meanwhile, and still on
                patches.release()


def _imported(sdk: str, module: Any) -> None:
    _awaited.discard(sdk)
    if _blocks:
        guarded(_patch, sdk)


def _patch(sdk: str) -> None:
    endpoints: Any = importlib.import_module(f"pulse_otel.instrumentation.{sdk}.endpoints")
    was_active = endpoints.PATCHES.active
    patches = endpoints.install()
    if not was_active:
        _blocks[-1][sdk] = patches
