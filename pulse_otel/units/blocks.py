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
    """Record a unit of work: the calls and tools in it are one trace, below its span.

    ``with trace("handle ticket") as unit:`` records a block, in sync and async code. ``@trace``,
    ``@trace()`` and ``@trace("handle ticket")`` record each run of a function.

    Args:
        name: The name of the unit; by default, the function's.
        summary: The title of the trace; by default, that of the `session`, else the name of the
            outermost unit.
        capture_input: Whether a function's arguments are recorded.
        capture_output: Whether a function's result is recorded.

    Raises:
        TypeError: `name` is neither a text nor a function.
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
    """Record the run of a tool, as a block or as a decorator, like `trace`.

    The span is an ``execute_tool`` span with arguments and result. It is matched with the model's
    tool call by the function's name and arguments, so that Pulse shows the tool once.

    Args:
        name: The name of the tool; by default, the function's.
        call_id: The id of the model's tool call; for a block only.
        capture_input: Whether the arguments are recorded.
        capture_output: Whether the result is recorded.

    Raises:
        TypeError: `name` is neither a text nor a function.
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
