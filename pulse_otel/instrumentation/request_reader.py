"""Read a request: by rules, the content that it shows, and every other parameter."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulse_otel import semconv
from pulse_otel.instrumentation.reading import Rules, given_of
from pulse_otel.kinds import name_of
from pulse_otel.masking import without_secrets

# The model has an attribute of its own; the query and the files are no part of the body.
_NO_PARAMETERS = frozenset({"model", "extra_query", "extra_files"})
Content = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class RequestReader:
    """Read a request: `rules` and `fixed` always; content and other parameters if it is wanted.

    `shown` names the fields that `content` reads. Every other field of the body for which no
    rule has an attribute is a parameter: providers have many of their own. `also` names fields
    of which a rule reads a part only.
    """

    rules: Rules
    shown: tuple[str, ...] = ()
    content: Content | None = None
    fixed: dict[str, Any] = field(default_factory=dict[str, Any])
    also: tuple[str, ...] = ()

    @functools.cached_property
    def _elsewhere(self) -> frozenset[str]:
        return (_NO_PARAMETERS | self.rules.names() | {*self.shown}) - {*self.also}

    def __call__(self, request: Mapping[str, Any], content: bool) -> dict[str, Any]:
        """Return the attributes of a request."""
        attributes = self.rules.extract(request) | self.fixed
        if content:
            if self.content is not None:
                attributes |= self.content(request)
            attributes |= other_parameters(request, self._elsewhere)
        return attributes


def other_parameters(request: Mapping[str, Any], elsewhere: frozenset[str]) -> dict[str, Any]:
    """Return the given parameters of a body but those that are recorded `elsewhere`."""
    if request.keys() <= elsewhere:  # nearly always
        return {}
    # In the order of the request; a class, as a response format, is shown by its name.
    values = {
        name: name_of(value) if issubclass(type(value), type) else value
        for name, value in given_of(request).items()
        if name not in elsewhere
    }
    return {semconv.PULSE_REQUEST_PARAMETERS: without_secrets(values)} if values else {}
