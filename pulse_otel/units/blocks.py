"""`trace` and `tool`: a unit of work as a block, or as a decorator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any, NoReturn, TypeVar, cast, overload

from pulse_otel.guard import guarded
from pulse_otel.units.decorating import wrapped
from pulse_otel.units.starting import TOOL, WORK, Settings, start
from pulse_otel.units.unit import Unit, current_unit

Function = TypeVar(
    "Function",
    bound="Callable[..., Any] | classmethod[Any, ..., Any] | staticmethod[..., Any]",
)


class UnitOfWork:
    """Record a block (`with`, `async with`), or the function that it decorates."""

    def __init__(self, settings: Settings, decorator: str) -> None:
        self._settings = settings
        self._decorator = decorator
        self._open: list[Unit] = []  # several threads and tasks may be in one at a time

    def __call__(self, function: Function) -> Function:
        """Record each run of `function`, which keeps its signature and its kind."""
        if self._settings.call_id is not None:
            raise TypeError(f"{self._decorator}: call_id is for a block: each run has its own")
        return cast("Function", wrapped(function, self._settings, self._decorator))

    def __enter__(self) -> Unit:
        unit = guarded(start, self._settings) or Unit()
        self._open.append(unit)
        try:
            guarded(unit.enter)
            return unit
        except BaseException as error:  # of a signal handler: the block does not begin
            guarded(self._leave, error)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            guarded(self._leave, error)
        except BaseException:  # of a signal handler
            guarded(self._leave, error)
            raise

    def _leave(self, error: BaseException | None) -> None:
        unit = current_unit()
        if unit not in self._open:  # nothing is recorded, or the block ends in another context
            unit = next(reversed(self._open), None)
        if unit is not None:
            unit.end(error)
            self._open.remove(unit)

    async def __aenter__(self) -> Unit:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)


@overload
def trace(name: type[Any], /) -> NoReturn: ...
@overload
def trace(name: Function, /) -> Function: ...
@overload
def trace(
    name: str | None = None,
    /,
    *,
    summary: str | None = None,
    capture_input: bool = True,
    capture_output: bool = True,
) -> UnitOfWork: ...
def trace(
    name: Any = None,
    /,
    *,
    summary: str | None = None,
    capture_input: bool = True,
    capture_output: bool = True,
) -> Any:
    """Record a unit of work: the calls and tools in it are one trace, beneath its span.

    ``with trace("handle ticket") as unit:`` records a block, in sync and async code;
    ``@trace``, ``@trace()`` and ``@trace("handle ticket")`` record each run of a function, with its
    arguments as input and its result as output. `summary` is the title of the trace on the
    service's pages; otherwise it is the name of the outermost unit, unless a `session` says it.
    Raises TypeError for what is neither a name nor a function.
    """
    settings = Settings(
        WORK,
        summary=summary,
        capture_input=capture_input,
        capture_output=capture_output,
    )
    return _decorated_or_block(name, settings, "trace")


@overload
def tool(name: type[Any], /) -> NoReturn: ...
@overload
def tool(name: Function, /) -> Function: ...
@overload
def tool(
    name: str | None = None,
    /,
    *,
    call_id: str | None = None,
    capture_input: bool = True,
    capture_output: bool = True,
) -> UnitOfWork: ...
def tool(
    name: Any = None,
    /,
    *,
    call_id: str | None = None,
    capture_input: bool = True,
    capture_output: bool = True,
) -> Any:
    """Record the run of a tool: an ``execute_tool`` span with its arguments and its result.

    Used as `trace` is. The model's tool call is found by itself, by the function's name and
    arguments, so that a tool is recorded once; `call_id` names it for a block. Raises TypeError for
    what is neither a name nor a function.
    """
    settings = Settings(
        TOOL,
        call_id=call_id,
        capture_input=capture_input,
        capture_output=capture_output,
    )
    return _decorated_or_block(name, settings, "tool")


def _decorated_or_block(given: object, settings: Settings, decorator: str) -> Any:
    if given is None or isinstance(given, str):
        return UnitOfWork(replace(settings, name=given), decorator)
    return wrapped(given, settings, decorator)
