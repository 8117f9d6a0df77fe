"""Take the ``pulse_*`` parameters of message threads (SDK 2.2 and later) and of their turns.

The parameters are carried as a header, and the headers of a turn replace those of its thread. So
the parameters of a turn keep the thread's headers, and the headers of a turn its parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

from pulse_otel.instrumentation.parameters import taker
from pulse_otel.instrumentation.patch import Patches
from pulse_otel.instrumentation.reading import read

_MODULE = "anthropic.lib.threads"
_CLASSES = ("BetaMessageThread", "BetaAsyncMessageThread")
_TURNS = ("send", "parse", "stream", "tool_runner")


def take_in_threads(patches: Patches) -> None:
    """Take the parameters out of the calls that make a turn; an older SDK has no threads."""
    take = taker(lambda: patches.active, _headers_of_thread)
    patches.when_imported(_MODULE, partial(_wrap, patches, take))


def _wrap(patches: Patches, take: Callable[..., Any], module: Any) -> None:
    for name in _CLASSES:
        owner = getattr(module, name, None)
        if isinstance(owner, type):
            for turn in _TURNS:
                patches.wrap(owner, turn, take)


def _headers_of_thread(thread: Any) -> Mapping[str, Any]:
    headers: Any = read(thread, "_state", "options", "extra_headers")
    return cast("Mapping[str, Any]", headers) if isinstance(headers, Mapping) else {}
