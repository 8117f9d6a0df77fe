"""Change the OpenTelemetry context for a block of code: `with`, `async with`, or a decorator."""

from __future__ import annotations

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from types import TracebackType
from typing import Any, TypeVar, cast

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from pulse_otel.kinds import is_coroutine

Function = TypeVar("Function", bound=Callable[..., Any])
Self = TypeVar("Self", bound="Block")

# The blocks entered in this thread or task, innermost first: (the context around, the rest). Not
# kept on the block itself, as several threads and tasks may be in one at a time.
_entered: ContextVar[Any] = ContextVar("pulse-otel-entered", default=None)


class Block(ABC):
    """Be a block whose calls run in another context; its objects may be used again, and at once."""

    @abstractmethod
    def _context(self) -> Context:
        """Return the context of the block, made from the one in which it begins."""

    def __enter__(self: Self) -> Self:
        around = otel_context.get_current()
        otel_context.attach(self._context())
        _entered.set((around, _entered.get()))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if (entered := _entered.get()) is not None:
            around, outer = entered
            _entered.set(outer)
            otel_context.attach(around)  # `detach` swallows what a signal handler raises in it

    async def __aenter__(self: Self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __call__(self, function: Function) -> Function:
        """Wrap `function` so that each call of it is such a block."""
        name = type(self).__name__
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{name}: a generator runs in its consumer's block; use `with` in it")
        if isinstance(function, type):
            raise TypeError(f"{name}: decorate a class's methods, not the class")
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def asynchronous(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)

            return cast("Function", asynchronous)

        @functools.wraps(function)
        def synchronous(*args: Any, **kwargs: Any) -> Any:
            with self:
                result = function(*args, **kwargs)
            return self._awaited(result) if is_coroutine(result) else result

        return cast("Function", synchronous)

    async def _awaited(self, result: Coroutine[Any, Any, Any]) -> Any:
        """Await the result of a function that is no `async def`, in the block as well."""
        with self:
            return await result
