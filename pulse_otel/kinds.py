"""Say what a value is by its type alone.

A value of the program's may answer `isinstance`, `hasattr`, `len` or `str` by what blocks, or ends
the program; so may its class, by a metaclass. The functions here run no code of either.
"""

# type() of data of any shape leaves the type checker with unknown types:
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from collections import UserDict
from types import CoroutineType, GetSetDescriptorType, MappingProxyType
from typing import Any, Final, cast

_MRO: Any = type.__dict__["__mro__"].__get__
_NAME: Any = type.__dict__["__name__"].__get__
_MODULE: Any = type.__dict__["__module__"].__get__
_NAMESPACE: Any = type.__dict__["__dict__"].__get__
stored: Final[Any] = object.__getattribute__
"""Return an attribute as Python stores it, whatever `__getattr__` or the like the class has."""


def name_of(kind: type) -> str:
    """Return the name of a class."""
    name: str = _NAME(kind)
    return name


def of_class(kind: type, name: str) -> bool:
    """Return whether a class or one of its bases defines `name`."""
    return any(name in _NAMESPACE(base) for base in _MRO(kind))


def is_coroutine(value: object) -> bool:
    """Return whether a value is a coroutine of Python, or of Cython.

    Other awaitables are more than that to the program: a future, a request that is also a block, a
    lazy proxy of what is not loaded yet.
    """
    kind = type(value)
    if kind is CoroutineType:
        return True
    return name_of(kind) == "coroutine" and package_of(kind).startswith("_cython")


MODELS: set[type] = set()
"""The metaclasses of pydantic that were seen: all their classes are models, as is quick to ask."""


def is_model(kind: type) -> bool:
    """Return whether `kind` is a class of models of pydantic 2, which has a metaclass."""
    meta = type(kind)
    if meta is type or meta in MODELS:
        return meta is not type
    found = of_class(kind, "__pydantic_fields_set__")
    if found and package_of(meta) == "pydantic":
        MODELS.add(meta)
    return found


def instance_fields(value: object) -> dict[str, Any] | None:
    """Return the attributes of the instance itself; None if its class has slots for them.

    None too if the class has a `__dict__` of its own, which would run its code.
    """
    for base in _MRO(type(value)):
        descriptor = _NAMESPACE(base).get("__dict__")
        if descriptor is not None:
            known = type(descriptor) is GetSetDescriptorType
            fields: Any = descriptor.__get__(value) if known else None
            return cast("dict[str, Any]", fields) if type(fields) is dict else None
    return None


def exact(value: Any) -> str | int | float | None:
    """Return a text or a number, but no bool, as one of Python's own types; else None."""
    kind = type(value)
    if kind in (int, float, str):
        found: str | int | float = value
        return found
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, float):
        return float.__float__(value)
    return int.__index__(value) if issubclass(kind, int) and kind is not bool else None


# The package of a type -> the names of its types whose text is a value, and the program's code has
# no part in it. An exception's or a method's text, for one, shows objects of the program's.
_TEXTS = {
    "builtins": frozenset(("builtin_function_or_method", "complex", "ellipsis", "function")),
    "datetime": frozenset(("date", "datetime", "time", "timedelta", "timezone")),
    "decimal": frozenset(("Decimal",)),
    "fractions": frozenset(("Fraction",)),
    "httpx": frozenset(("URL",)),
    "httpx2": frozenset(("URL",)),
    "ipaddress": frozenset(
        f"IPv{version}{what}" for version in "46" for what in ("Address", "Interface", "Network")
    ),
    "pathlib": frozenset(
        ("PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath")
    ),
    "pydantic": frozenset(
        ("AnyHttpUrl", "AnyUrl", "ByteSize", "HttpUrl", "SecretBytes", "SecretStr")
    ),
    "pydantic_core": frozenset(("MultiHostUrl", "Url")),
    "uuid": frozenset(("UUID",)),
    "zoneinfo": frozenset(("ZoneInfo",)),
}
_TIME_ZONES = frozenset(("builtins", "datetime", "dateutil", "pytz", "zoneinfo"))
_SDK_PACKAGES = frozenset(("anthropic", "httpx", "httpx2", "openai", "pydantic"))


def package_of(kind: type) -> str:
    """Return the package that a class says it is of; empty if it does not say so by a text."""
    module: object = _MODULE(kind)
    return module.partition(".")[0] if type(module) is str else ""


def has_text(value: object) -> bool:
    """Return whether `str(value)` is a value, and runs no code of the program."""
    kind = type(value)
    package, name = package_of(kind), name_of(kind)
    if package == "numpy":
        bases = [name_of(base) for base in _MRO(kind)]
        return "generic" in bases and name not in ("void", "object_")
    if name not in _TEXTS.get(package, ()):
        return False
    if name in ("datetime", "time"):
        zone: Any = cast("Any", value).tzinfo
        return package_of(cast("type[object]", type(zone))) in _TIME_ZONES
    return True


def of_sdk(kind: type) -> bool:
    """Return whether a class is one of the SDKs' or of their HTTP client's."""
    return package_of(kind) in _SDK_PACKAGES


def dict_of(value: object) -> dict[Any, Any] | None:
    """Return the dict that `value` is, or is a view of; None if it has none.

    Only the methods of `dict` itself may read it: its class may have others. Of any other mapping,
    `__iter__` may never end.
    """
    for _ in range(3):
        kind = type(value)
        if issubclass(kind, dict):
            return cast("dict[Any, Any]", value)
        if kind is MappingProxyType:
            import gc  # few programs send one

            value = gc.get_referents(value)[0]  # its own methods call those of that mapping
        elif issubclass(kind, UserDict):
            value = (instance_fields(value) or {}).get("data")
        else:
            return None
    return None
