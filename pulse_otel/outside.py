"""Tell an exception that came from outside of the code that it ended: it is the program's.

| raised by | told by |
|---|---|
| a signal handler: an alarm, Celery's soft limit | a frame that was given the one it interrupted |
| one that dropped its argument, as unused | a frame with the code of a handler that is set |
| another thread (`PyThreadState_SetAsyncExc`): RQ's limits | its class, and where it appeared |

Each of them may strike between any two steps of ours. A time limit ends what it interrupts by an
exception, and would end nothing if we kept it. Another thread's exception of a class of Python's
own cannot be told from one of ours.
"""

from __future__ import annotations

import signal
import sys
import traceback
from functools import partial
from inspect import CO_VARARGS, getattr_static
from opcode import opmap
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any, Final, cast

from pulse_otel.kinds import package_of

_LIBRARIES: Final = sys.stdlib_module_names | {
    "anthropic",
    "anyio",
    "brotli",
    "brotlicffi",
    "eventlet",
    "gevent",
    "greenlet",
    "h11",
    "h2",
    "httpcore",
    "httpcore2",
    "httpx",
    "httpx2",
    "jiter",
    "numpy",
    "openai",
    "opentelemetry",
    "pulse_otel",
    "pulse_sdk",
    "pydantic",
    "pydantic_core",
    "requests",
    "typing_extensions",
    "urllib3",
    "websockets",
    "yaml",
    "zstandard",
}
"""Packages that know no class of the program's: they raise one only where they are handed it."""

_RAISING = {opmap[name] for name in ("RAISE_VARARGS", "RERAISE")}


def from_outside(error: BaseException) -> bool:
    """Return whether a signal handler or another thread raised `error`."""
    frames = list(traceback.walk_tb(error.__traceback__))
    if any(_was_given_interrupted(frame) for frame, _ in frames):
        return True
    codes = [frame.f_code for frame, _ in frames if not _of_library(frame)]
    return not _codes_of_handlers().isdisjoint(codes) if codes else _by_another_thread(error)


def _of_library(frame: FrameType) -> bool:
    names: Any = dict
    name: object = names.get(frame.f_globals, "__name__")
    return type(name) is str and name.partition(".")[0] in _LIBRARIES


def _was_given_interrupted(frame: FrameType) -> bool:
    """Return whether Python called the function of `frame` with the frame that it interrupted.

    That tells a handler of any kind, also one that has put another in its place meanwhile.
    """
    interrupted, code, local = frame.f_back, frame.f_code, frame.f_locals
    many = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & CO_VARARGS)
    arguments: list[Any] = [local.get(name) for name in code.co_varnames[:many]]
    if code.co_flags & CO_VARARGS:
        arguments += arguments.pop() or ()
    return interrupted is not None and any(argument is interrupted for argument in arguments)


def _by_another_thread(error: BaseException) -> bool:
    """Return whether `error` comes from libraries that do not know its class.

    Without a `raise`: one of them may raise what the program gave it, as a future does.
    """
    package, last = package_of(type(error)), error.__traceback__
    if last is None or not package or package in _LIBRARIES:
        return False
    while last.tb_next is not None:
        last = last.tb_next
    step = last.tb_frame.f_code.co_code[last.tb_lasti : last.tb_lasti + 1]
    return not _RAISING.intersection(step)


def _codes_of_handlers() -> set[CodeType]:
    """Return the codes of all functions that the signal handlers now set are made of."""
    codes: set[CodeType] = set()
    parts: list[Any] = [signal.getsignal(number) for number in signal.valid_signals()]
    seen: set[int] = set()
    for part in parts:  # which grows
        if id(part) not in seen and callable(part):
            seen.add(id(part))
            if type(part) is FunctionType:
                codes.add(part.__code__)
            parts += _parts(part)
    return codes


def _parts(function: Any) -> list[Any]:
    """Return what a callable calls in its turn, without a call of any code of it."""
    kind = cast("type[object]", type(function))
    if kind in (MethodType, staticmethod, classmethod):
        return [function.__func__]
    if issubclass(kind, partial):
        return [cast("partial[Any]", function).func]
    names = ("__new__", "__init__") if issubclass(kind, type) else ("__call__", "__wrapped__")
    return [getattr_static(function, name, None) for name in names]
