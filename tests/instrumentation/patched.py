"""What we patched of an SDK: its functions, and whether a function is one of ours."""

from __future__ import annotations

from types import FunctionType


def is_ours(function: object) -> bool:
    """Whether `function` is a wrapper of ours."""
    return isinstance(function, FunctionType) and function.__code__.co_filename.startswith(
        "<pulse_otel"
    )
