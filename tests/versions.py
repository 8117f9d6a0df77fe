"""What each version of the SDKs has: the one table behind all that tests expect of versions.

`tests/test_versions.py` holds it against the SDKs that are installed, so that a test which is
skipped since a version lacks something is skipped for that reason alone.
"""

from __future__ import annotations

import importlib
import inspect
from importlib import metadata
from typing import Any, NamedTuple


class Since(NamedTuple):
    """A thing, the last version known to lack it ("" is none), and the first known to have it."""

    what: str  # "module:Class.method", "module:name" or "module:Class.method(parameter)"
    without: str
    first: str


_OPENAI, _CLAUDE = "openai.resources", "anthropic.resources"
TABLE: dict[str, Since] = {
    "openai chat.completions.stream": Since(
        f"{_OPENAI}.chat.completions:Completions.stream", "1.91.0", "1.92.0"
    ),
    "openai chat.completions.parse": Since(
        f"{_OPENAI}.chat.completions:Completions.parse", "1.91.0", "1.92.0"
    ),
    "openai responses": Since(f"{_OPENAI}.responses:Responses.create", "", "1.66.0"),
    "openai background responses": Since(
        f"{_OPENAI}.responses:Responses.create(background)", "1.66.0", "1.109.1"
    ),
    "openai responses.stream of an earlier one": Since(
        f"{_OPENAI}.responses:Responses.stream(response_id)", "1.66.0", "1.109.1"
    ),
    "openai responses.compact": Since(
        f"{_OPENAI}.responses:Responses.compact", "1.109.1", "2.20.0"
    ),
    "openai beta.responses": Since(
        f"{_OPENAI}.beta.responses:Responses.create", "2.20.0", "2.54.0"
    ),
    "openai decisions": Since(f"{_OPENAI}.decisions:Decisions.create", "2.54.0", "3.54.0"),
    "openai streamed images": Since(
        f"{_OPENAI}.images:Images.generate(stream)", "1.66.0", "1.109.1"
    ),
    "openai tool runner": Since("openai.lib.responses_tool_runner:", "2.54.0", "3.54.0"),
    "anthropic messages.stream": Since(f"{_CLAUDE}.messages:Messages.stream", "", "0.43.0"),
    "anthropic messages.parse": Since(f"{_CLAUDE}.messages:Messages.parse", "0.76.0", "0.77.0"),
    "anthropic beta.messages.stream": Since(
        f"{_CLAUDE}.beta.messages:Messages.stream", "", "0.43.0"
    ),
    "anthropic beta.messages.parse": Since(
        f"{_CLAUDE}.beta.messages:Messages.parse", "0.43.0", "0.79.0"
    ),
    "anthropic beta.messages.tool_runner": Since(
        f"{_CLAUDE}.beta.messages:Messages.tool_runner", "0.43.0", "0.79.0"
    ),
    "anthropic beta.messages.thread": Since(
        f"{_CLAUDE}.beta.messages:Messages.thread", "1.17.0", "2.2.0"
    ),
    "anthropic own spans": Since("anthropic._base_client:start_api_call_span", "1.13.0", "1.14.0"),
    "anthropic foundry": Since("anthropic:AnthropicFoundry", "0.43.0", "0.79.0"),
}


def installed(name: str) -> tuple[int, ...]:
    """The version of the SDK that a row of the table is about."""
    return numbers(metadata.version(name.partition(" ")[0]))


def numbers(version: str) -> tuple[int, ...]:
    """A version as numbers; what is no number ends it."""
    found: list[int] = []
    for part in version.split("."):
        if not part.isdigit():
            break
        found.append(int(part))
    return tuple(found)


def has(name: str) -> bool:
    """Whether the SDK that is installed has it."""
    what, _, parameter = TABLE[name].what.rstrip(")").partition("(")
    module, _, path = what.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in filter(None, path.split(".")):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return False
    return not parameter or parameter in inspect.signature(found).parameters
