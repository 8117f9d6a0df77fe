"""Wrap a function so that each run of it is a unit of work, without a change of what it does.

The wrapper is of the function's own kind (sync, async, generator, async generator), as frameworks
ask for it. The body of a generator has a context of its own, which is current only while it runs:
its consumer, and other tasks, never see it, and it may be resumed and closed in any of them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from dataclasses import replace
from types import FunctionType, MethodDescriptorType
from typing import Any, cast

from pulse_otel.guard import guarded
from pulse_otel.kinds import is_coroutine, stored
from pulse_otel.units.content import Arguments, Yielded
from pulse_otel.units.starting import WORK, Settings, start
from pulse_otel.units.unit import Unit

Starter = Callable[[tuple[Any, ...], dict[str, Any]], "Unit | None"]


def wrapped(function: Any, settings: Settings, decorator: str) -> Any:
    """Return `function` as it is recorded; a static or class method stays one."""
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(wrapped(function.__func__, settings, decorator))  # pyright: ignore
    if isinstance(function, type):
        raise TypeError(f"{decorator}: decorate a class's methods, not the class")
    if not callable(function):
        raise TypeError(f"{decorator}: expected a function, got {type(function).__name__}")
    if settings.name is None:
        name = _name(function)
        # A model knows a tool by the name of the function alone.
        settings = replace(settings, name=name if settings.kind is WORK else name.split(".")[-1])
    arguments = Arguments(function)

    def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Unit | None:
        return guarded(_started, settings, arguments, args, kwargs)

    return _with_methods(functools.wraps(function)(_wrapper(function)(function, begin)), function)


def _with_methods(made: Any, function: Any) -> Any:
    """Give `made` the public methods of what is no plain function, as `lru_cache` makes it."""
    kind = cast("type[object]", type(function))
    for base in () if kind is FunctionType else inspect.getmro(kind):
        for name, method in vars(base).items():
            known = isinstance(method, (FunctionType, MethodDescriptorType))
            if known and not name.startswith("_") and inspect.getattr_static(kind, name) is method:
                setattr(made, name, stored(function, name))
    return made


def _started(
    settings: Settings, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Unit | None:
    return start(settings, lambda: arguments(args, kwargs))


def _name(function: Any) -> str:
    """Return the name of a function, with that of its class."""
    name: object = getattr(function, "__qualname__", None)
    if not isinstance(name, str):  # of an object that can be called, or a partial function
        inner: Any = getattr(function, "func", None)
        return _name(inner) if inner is not None else type(function).__qualname__
    return name.rpartition("<locals>.")[2]


def _wrapper(function: Any) -> Callable[[Any, Starter], Any]:
    if inspect.isasyncgenfunction(function):
        return _async_generator
    if inspect.isgeneratorfunction(function):
        return _generator
    return _coroutine if inspect.iscoroutinefunction(function) else _plain


def _plain(function: Any, begin: Starter) -> Any:
    def run(*args: Any, **kwargs: Any) -> Any:
        unit = begin(args, kwargs)
        if unit is None:
            return function(*args, **kwargs)
        try:
            try:
                guarded(unit.enter)
                result = function(*args, **kwargs)
            finally:
                guarded(unit.leave)
            if is_coroutine(result):  # of a function that is no `async def`
                return guarded(_later, result, unit, otherwise=result)
            guarded(_returned, unit, result)
        except BaseException as error:
            guarded(unit.end, error)
            raise
        return result

    return run


class NeverAwaited(Exception):
    """Say why a run failed whose coroutine the program dropped."""


class _Waiting:
    """Hold the coroutine that a plain function returned, until the program awaits it."""

    begun = True  # also if a signal handler's exception struck as this began

    def __init__(self, result: Coroutine[Any, Any, Any], unit: Unit) -> None:
        self.result = result
        self.unit = unit
        self.begun = False

    def __del__(self) -> None:
        if not self.begun:
            guarded(self.unit.end, NeverAwaited())
            self.result.close()  # Python warned of the one around it, by the same name


def _later(result: Coroutine[Any, Any, Any], unit: Unit) -> Any:
    """Return a coroutine with the name of `result`, for Python's own messages."""
    made, named = cast("Any", _begun(_Waiting(result, unit))), cast("Any", result)
    made.__name__, made.__qualname__ = named.__name__, named.__qualname__
    return made


async def _begun(waiting: _Waiting) -> Any:
    waiting.begun = True
    return await _awaited(waiting.result, waiting.unit)


async def _awaited(result: Coroutine[Any, Any, Any], unit: Unit) -> Any:
    try:
        try:
            guarded(unit.enter)
            value = await result
        finally:
            guarded(unit.leave)
        guarded(_returned, unit, value)
    except BaseException as error:
        guarded(unit.end, error)
        raise
    return value


def _coroutine(function: Any, begin: Starter) -> Any:
    async def run(*args: Any, **kwargs: Any) -> Any:
        unit = begin(args, kwargs)
        if unit is None:
            return await function(*args, **kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:  # wrong arguments
            guarded(unit.end, error)
            raise
        return await _awaited(result, unit)

    return run


def _returned(unit: Unit, value: object) -> None:
    unit.output = value
    unit.end()


class _Body:
    """Follow the body of a generator through its resumptions."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self._yielded = Yielded(unit.output_bytes)

    def enter(self) -> None:
        """Make the unit current, in the context that the body left."""
        guarded(self.unit.enter)

    def leave(self) -> None:
        """Restore the context of whoever resumed the body."""
        guarded(self.unit.leave)

    def yielded(self, item: object) -> None:
        """Keep `item` for the output."""
        if self.unit.output_bytes:
            guarded(self._yielded.add, item)

    def end(self, error: BaseException | None = None, result: object = None) -> None:
        """End the unit; the output is what was yielded, or else what was returned."""
        guarded(self._end, error, result)

    def _end(self, error: BaseException | None, result: object) -> None:
        value = self._yielded.value
        self.unit.output = result if value is None else value
        self.unit.end(error)


def _generator(function: Any, begin: Starter) -> Any:
    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        result: Any
        body, sent, thrown = _Body(begin(args, kwargs) or Unit()), None, None
        try:
            generator = function(*args, **kwargs)
            while True:
                try:
                    body.enter()
                    item = generator.send(sent) if thrown is None else generator.throw(thrown)
                except StopIteration as stop:
                    result = stop.value
                    break
                finally:
                    body.leave()
                body.yielded(item)
                sent = thrown = None
                try:
                    sent = yield item
                except BaseException as error:  # noqa: BLE001 - the body decides, at its end too
                    thrown = error
            body.end(result=result)
        except BaseException as error:
            body.end(error)
            raise
        finally:
            thrown = None  # its traceback holds this frame
        return result

    return run


def _async_generator(function: Any, begin: Starter) -> Any:
    async def run(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        body, sent, thrown = _Body(begin(args, kwargs) or Unit()), None, None
        try:
            generator = function(*args, **kwargs)
            while True:
                step = generator.asend(sent) if thrown is None else generator.athrow(thrown)
                try:
                    body.enter()
                    item = await step
                except StopAsyncIteration:
                    break
                finally:
                    body.leave()
                body.yielded(item)
                sent = thrown = None
                try:
                    sent = yield item
                except BaseException as error:  # noqa: BLE001 - the body decides, at its end too
                    thrown = error
            body.end()
        except BaseException as error:
            body.end(error)
            raise
        finally:
            thrown = None  # its traceback holds this frame

    return run
