"""A program: what can be done with each function that we patch, with or without our patches.

Its one argument says which, its input names the functions, its output has a line for each.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import importlib
import inspect
import json
import pickle
import re
import sys
import types
import typing
import weakref
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from operator import attrgetter
from typing import Any
from unittest import mock

Names = list[tuple[str, str]]  # module, and the qualified name in it


def found(module: str, name: str) -> Any:
    return attrgetter(name)(importlib.import_module(module))


def patched() -> Names:
    """Install all patches, on all modules that this version of the SDKs has; return their names."""
    from pulse_otel.instrumentation.anthropic import endpoints as anthropic
    from pulse_otel.instrumentation.openai import endpoints as openai

    names: Names = []
    for endpoints in (openai, anthropic):
        patches = endpoints.install()
        for module in list(patches._parts):
            try:
                importlib.import_module(module)
            except ImportError:
                continue
        for owner, name in patches._wrapped:
            if isinstance(owner, type):  # else a private function of one module
                names.append((owner.__module__, f"{owner.__qualname__}.{name}"))
    return sorted(names)


def wrong_call(function: Any) -> str:
    try:
        function()
    except TypeError as error:
        return str(error)
    return "no error"


def wrapped_again(function: Any) -> list[Any]:
    @functools.wraps(function)
    def theirs(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return [
        theirs.__name__,
        str(inspect.signature(theirs)),
        inspect.unwrap(theirs).__code__.co_name,
    ]


FUNCTION: dict[str, Callable[[Any], Any]] = {
    "type": type,
    "repr": lambda f: repr(f).split(" at ")[0],
    "pickle": lambda f: [pickle.loads(pickle.dumps(f, p)) is f for p in range(6)],
    "copy": lambda f: copy.copy(f) is f,
    "deepcopy": lambda f: copy.deepcopy({"fn": [f]})["fn"][0] is f,
    "equal": lambda f: [f == f, f != f, f in {f}, f == 5, hash(f) == hash(f)],
    "instance": lambda f: [isinstance(f, types.FunctionType), isinstance(f, Callable)],  # type: ignore[arg-type]
    "inspect": lambda f: [
        getattr(inspect, name)(f)
        for name in ("isfunction", "ismethod", "isroutine", "iscoroutinefunction", "isbuiltin")
    ],
    "asyncio": asyncio.iscoroutinefunction,
    "signature": lambda f: str(inspect.signature(f)),
    "source": inspect.getsource,
    "source lines": lambda f: inspect.getsourcelines(f)[1],
    "doc": inspect.getdoc,
    "module": inspect.getmodule,
    "hints": lambda f: sorted(typing.get_type_hints(f)),
    "overloads": lambda f: len(getattr(typing, "get_overloads", lambda f: ())(f)),
    "names": lambda f: [f.__name__, f.__qualname__, f.__module__, f.__code__.co_name],
    "unwrapped": lambda f: inspect.unwrap(f).__code__.co_name,
    "weak": lambda f: weakref.ref(f)() is f,
    "wrong call": lambda f: wrong_call(f) == "no error",
    "wraps": wrapped_again,
    "partial": lambda f: pickle.loads(pickle.dumps(functools.partial(f, model="m"))).func is f,
    "autospec": lambda f: [
        type(mock.create_autospec(f)),
        str(inspect.signature(mock.create_autospec(f))),
    ],
    "single dispatch": lambda f: functools.singledispatch(f).__name__,
    "attribute": lambda f: (setattr(f, "mine", 1), f.mine, delattr(f, "mine"))[1],
}


def owner_of(f: Any) -> Any:
    """An instance of a class that has `f` as its method; real ones are tried by `clients`."""
    return type("Owner", (), {f.__name__: f})()


def bound(f: Any) -> list[Any]:
    owner = owner_of(f)
    b, again = f.__get__(owner), f.__get__(owner)
    return [
        type(b), repr(b).split(" of ")[0], b == again, hash(b) == hash(again), b in {again},
        inspect.ismethod(b), isinstance(b, types.MethodType), b.__self__ is owner, b.__func__ is f,
        inspect.iscoroutinefunction(b), str(inspect.signature(b)), copy.copy(b) == b,
        weakref.WeakMethod(b)() == b,
    ]  # fmt: skip


BOUND: dict[str, Callable[[Any], Any]] = {
    "bound": bound,
    "bound deepcopy": lambda f: type(copy.deepcopy({"fn": f.__get__(owner_of(f))})["fn"]),
    "bound pickle": lambda f: pickle.dumps(f.__get__(owner_of(f))),
}


def tried(action: Callable[[], Any]) -> str:
    try:
        text = repr(action())
    except Exception as error:  # noqa: BLE001 - what it raises is what is compared
        text = f"{type(error).__name__}: {error}"
    return re.sub(r"0x[0-9a-f]+", "0x", text)


def clients() -> dict[str, str]:
    """What can be done with the methods of real clients."""
    import anthropic
    import openai

    done: dict[str, str] = {}
    for kind in (openai.OpenAI, openai.AsyncOpenAI):
        client = kind(api_key="k")
        for name in ("chat.completions.create", "responses.create", "copy", "with_options"):
            done |= methods(client, name)
    for other in (anthropic.Anthropic, anthropic.AsyncAnthropic):
        for name in ("messages.create", "messages.stream", "copy"):
            done |= methods(other(api_key="k"), name)
    return done


def methods(client: Any, name: str) -> dict[str, str]:
    method = attrgetter(name)(client)
    title = f"{type(client).__module__}.{type(client).__name__}().{name}"
    actions: dict[str, Callable[[], Any]] = {
        "pickle": lambda: type(pickle.loads(pickle.dumps(method))),
        "copy": lambda: copy.copy(method) == method,
        "deepcopy": lambda: type(copy.deepcopy({"fn": method})["fn"]),
        "equal": lambda: method == attrgetter(name)(client),
        "weak": lambda: weakref.WeakMethod(method)() == method,
        # Before 3.12 a coroutine function that wraps another looks at them when it is awaited.
        "wrong call": lambda: (
            (sys.version_info < (3, 12) and inspect.iscoroutinefunction(method))
            or wrong_call(functools.partial(method, no_such_argument=1))
        ),
        "func": lambda: method.__func__ is getattr(type(method.__self__), method.__name__, None),
    }
    return {f"{title} {action}": tried(do) for action, do in actions.items()}


def pooled(names: Names) -> list[bool]:
    """Whether each function comes back from a child that never heard of our patches, the same."""
    functions = [found(*name) for name in names]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return [a is b for a, b in zip(functions, pool.map(copy.copy, functions), strict=True)]


def main() -> None:
    names: Names = patched() if sys.argv[1] == "patched" else json.load(sys.stdin)
    functions = {".".join(name): found(*name) for name in names}
    done = {
        f"{name} {action}": tried(functools.partial(do, function))
        for name, function in functions.items()
        for action, do in (FUNCTION | BOUND).items()
    }
    done |= clients()
    done["a pool of processes"] = tried(lambda: pooled(names))
    json.dump({"names": names, "done": done}, sys.stdout)


if __name__ == "__main__":
    main()
