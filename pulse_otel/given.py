"""The settings as the caller and the environment give them, hidden from what prints variables.

A report of an error may show the variables of every function in its traceback (rich, `pytest -l`,
Sentry): ours name this object, never the mappings, since the key is in them. A mapping of the
program's may raise whenever it is read, so that no loop here names one either.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

_PREFIX = "PULSE_"


class Given:
    """`overrides` over `config` over ``PULSE_*``; None counts as not given.

    It is no Mapping: what prints variables would look inside.
    """

    __slots__ = ("_environ", "_levels", "not_a_dict")

    def __init__(
        self,
        config: object = None,
        overrides: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        named: Any = {} if config is None else config
        self.not_a_dict = None if issubclass(type(named), Mapping) else type(named).__name__
        self._levels: tuple[Mapping[str, Any], ...] = ({} if overrides is None else overrides,)
        if self.not_a_dict is None:
            self._levels += (named,)
        self._environ = os.environ if environ is None else environ

    def names(self) -> Iterable[str]:
        """Return the keys that the caller gives."""
        return [name for at in range(len(self._levels)) for name in self._levels[at]]

    def variables(self) -> Iterable[str]:
        """Return the names of the variables of the environment."""
        return list(self._environ)

    def value(self, name: str) -> tuple[object, str]:
        """Return the value of setting `name`, or None, and its origin for a message."""
        for at in range(len(self._levels)):
            if name in self._levels[at]:
                value = self._levels[at][name]
                if value is not None:
                    return value, ""
                break
        variable = f"{_PREFIX}{name.upper()}"
        return self._environ.get(variable) or None, f" (from {variable})"

    def __repr__(self) -> str:
        return "Given(…)"

    def __reduce__(self) -> Any:
        raise TypeError("settings as given cannot be pickled: an API key may be among them")
