"""No regular expression of the package takes more than linear time, whatever text it is given."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from pulse_otel.export.bodies import media
from pulse_otel.export.pricing.table import offer_of
from pulse_otel.instrumentation.anthropic import endpoints as anthropic
from pulse_otel.instrumentation.openai import endpoints as openai
from pulse_otel.instrumentation.openai import moderations
from pulse_otel.local.provider.endpoints import default_reply
from pulse_otel.local.provider.received import Received
from pulse_otel.local.service import views
from pulse_otel.masking import _SECRET, mask_secrets
from pulse_otel.terminal.doctor import environment
from tests.conftest import ROOT
from tests.growth import growth

PACKAGE = ROOT / "pulse_otel"

Hostile = tuple[str, str, str]
"""Start, the part that is repeated, and end of a text."""


def used(pattern: str, method: str) -> Callable[[str], object]:
    """Return the use of a compiled pattern, such as "masking.py:_SECRET"."""
    path, _, name = pattern.partition(":")
    module = importlib.import_module("pulse_otel." + path.removesuffix(".py").replace("/", "."))
    compiled = getattr(module, name)
    match method:
        case "sub":
            return lambda text: compiled.sub("", text)
        case "bytes":
            return lambda text: compiled.search(text.encode())
        case "match bytes":
            return lambda text: compiled.match(text.encode())
        case "sub bytes":
            return lambda text: compiled.sub(b"", text.encode())
        case _:
            return lambda text: getattr(compiled, method)(text)


def found(rows: Any, prefix: str) -> Callable[[str], object]:
    return lambda text: [rows.find("post", prefix + text), rows.find("get", prefix + text)]


def replied(text: str) -> object:
    return default_reply(Received("POST", "/v1/" + text, {}, b""), ENDPOINTS)


ENDPOINTS: Any = {r"GET /v1/models/.+": None, r"POST /v1/[^/]+/x": None}

UUIDS: list[Hostile] = [("", "0", ""), ("", "f", "g"), ("00000000-0000-0000-0000-", "0", "")]
DIGITS: list[Hostile] = [("", "1", "x"), ("", "1", "")]
DATA_URLS: list[Hostile] = [
    ("data:", "a", "!"),
    ("data:", ";a", ""),
    ("data:", ";", ""),
    ("data:a/b;base64,", "A", "!"),
    ("", "data:", ""),
]
BASE64: list[Hostile] = [("", "A", "!"), ("", "\n", "!"), ("", "A=", ""), ("", "=", ""), *DATA_URLS]

# The pattern -> how it is used; texts that nearly match, in each way that it could go wrong
PATTERNS: dict[str, tuple[str | Callable[[str], object], list[Hostile]]] = {
    "masking.py:_SECRET": (
        lambda text: (_SECRET.sub("", text.lower()), mask_secrets(text)),
        [
            ("", "eyJ-", ""),
            ("", "-eyJ", "."),
            ("", "eyJ-.a ", ""),
            ("", "eyJabcdefgh-", ""),
            ("", "a", ".eyJ"),
            ("", "a.", ""),
            ("", "sk-", ""),
            ("", "sk_a ", ""),
            ("", "Bearer ", ""),
            ("Bearer", " ", "!"),
            ("", "Basic  a", ""),
            ("", "AIza", ""),
            ("", "AKIA", ""),
            ("api_key", " ", "!"),
            ("api_key=", " ", "!"),
            ("", "api_key", ""),
            ("://", "a", ":b "),
            ("://a:", "b:", " "),
            ("", "://", ""),
            ("", "://a:b", ""),
        ],
    ),
    "instrumentation/endpoint.py:Endpoints": (
        lambda text: (found(OPENAI, "/responses/")(text), found(ANTHROPIC, "/v1/messages/")(text)),
        [("", "a", ""), ("", "a/", ""), ("", "/", ""), ("", "/cancel", "/")],
    ),
    "instrumentation/hidden_event.py:_END": (
        "bytes",
        [("", "\r", "a"), ("", "\r\n\r", ""), ("", "\na", ""), ("", "\r\n", "")],
    ),
    "instrumentation/hidden_event.py:_TOKEN": (
        "sub bytes",
        [("", '"', ""), ('"', '\\"', ""), ('"', "\\", ""), ('"', "a", ""), ("", "[", "")],
    ),
    "instrumentation/hidden_event.py:_NULL": ("match bytes", [("", " ", ""), (" : ", " ", "nul")]),
    "instrumentation/hidden_event.py:_COMMA": ("match bytes", [("", " ", ""), (",", " ", "")]),
    "instrumentation/openai/moderations.py:_named": (
        lambda text: moderations.read_moderation({"results": [{"categories": {text: True}}]}, True),
        [("", "/", ""), ("", "a-", ""), ("", "a", "")],
    ),
    "instrumentation/openai/usage.py:_AZURE_DATE": ("match", [*DIGITS, ("2024-", "0", "")]),
    "instrumentation/tool_evidence.py:_LONG": (
        "findall",
        [("", "a", ""), ("", "aaaaaaaaaaaaaaa-", ""), ("", "a" * 16 + "-", "")],
    ),
    "instrumentation/tool_evidence.py:_KINDS": ("findall", [("", "a", ""), ("", "aB1", "")]),
    "export/bodies/media.py:_DATA_URL": (media.url_note, DATA_URLS),
    "export/bodies/media.py:_BASE64": ("fullmatch", BASE64),
    "export/dialects/errors.py:_SDK_TEXT": (
        "match",
        [("", "a", ": "), ("a: Error code: 429", " ", ""), ("Error code: 429 - ", "\n", "")],
    ),
    "export/dialects/errors.py:_QUOTED": (
        "findall",
        [
            ("'message': '", "\\", ""),
            ("'message': '", "a", ""),
            ("", "'message': \"", ""),
            ("", "\"message': ", ""),
            ("", "'message': '\\", ""),
        ],
    ),
    "export/dialects/errors.py:_CLASS_REPR": (
        "sub",
        [("<class '", "a", ""), ("", "<class '", ""), ("<class '", "a.", "'")],
    ),
    "export/dialects/errors.py:_CLASS": (
        "match",
        [("", "A", "!"), ("", "a.", "!"), ("", "A.", ""), ("", "_A", "!"), ("", "_", "")],
    ),
    "export/dialects/openinference.py:_NO_NAME": ("sub", [("", "a", ""), ("", "-", "")]),
    "export/dialects/openinference.py:_WORD": ("match", [("", "a", ""), ("", "a", "-")]),
    "export/records/duplicates/models.py:_EDITION": (
        "search",
        [("", "-v1", "x"), ("-v", "1", "x"), ("-", "1", "x"), ("", "-2024-08-06", "x")],
    ),
    "export/dialects/reader.py:_SPAN_ID": ("fullmatch", [("", "0", ""), ("", "a", "g")]),
    "export/dialects/source.py:_NUMBER": ("fullmatch", [*DIGITS, ("1.", "0", ""), ("1e", "1", "")]),
    "export/payloads/traces.py:_UUID": ("fullmatch", UUIDS),
    "export/payloads/traces.py:_PREFIX": ("sub", [("", "gen_ai.", ""), ("pulse.", "usage.", "")]),
    "export/pricing/names.py:_COMPACT_DATE": (
        "sub",
        [("", "-2025", ""), ("", "-20251211", ""), ("", "-20251211-", ""), ("", "-", "")],
    ),
    "export/pricing/table.py:_satisfies": (
        lambda text: [offer_of(provider, text) for provider in ("openai", "anthropic", "x_ai")],
        [("claude-", "-20251211", ""), ("gpt-", "4", "x"), ("", "-", "")],
    ),
    "export/spool/files.py:_NAME": ("fullmatch", [*DIGITS, ("0" * 20 + "-1-", "0", "")]),
    "export/spool/files.py:_TMP": ("fullmatch", [(".", "1", ""), ("." + "0" * 20 + "-", "1", "")]),
    "local/json_text.py:_SURROGATE": ("sub", [("", "\ud800", ""), ("", "a", "\ud800")]),
    "local/json_text.py:_SURROGATE_ESCAPE": ("search", [("", "\\ud", ""), ("", "\\", "")]),
    "local/commands.py:_AGE": ("fullmatch", [*DIGITS, ("1", "d", "")]),
    "local/pages/list_address.py:_WORD": ("search", [("", "-", ""), ("", "-", "a")]),
    "local/pages/media.py:_BASE64": ("match", BASE64),
    "local/pages/media.py:_DATA_URL": ("match", DATA_URLS),
    "local/pages/media.py:_IMAGE_URL": (
        "search",
        [("data:image/png;base64,", "A", "!"), ("", "data:image/png;base64,", ""), ("", "d", "")],
    ),
    "local/pages/media.py:_WHOLE": ("fullmatch", [("", "A", "!"), ("", "A", "="), ("", "=", "")]),
    "local/pages/paths.py:_KEY": (
        "fullmatch",
        [*DIGITS, ("1_", "1", "x"), ("1.", "1", "x"), ("1e", "1", "x")],
    ),
    "local/provider/endpoints.py:default_reply": (replied, [("", "a", ""), ("", "a/", "")]),
    "local/deep_json.py:_TOKEN": (
        "match",
        [
            ("", " ", ""),
            ('"', "a", ""),
            ('"', "\\\\", ""),
            ("", "1", "x"),
            ("1.", "1", ""),
            ("-", "0", ""),
        ],
    ),
    "local/service/checks.py:_INSTANT": (
        "fullmatch",
        [*DIGITS, ("2026-01-01T00:00:00.", "1", "x"), ("2026-01-01T00:00", "+00:00", "")],
    ),
    "local/service/checks.py:_UUID": ("fullmatch", UUIDS),
    "local/service/otlp_values.py:_DIGITS": ("fullmatch", [*DIGITS, ("-", "1", "x")]),
    "local/service/otlp_values.py:_NUMBER": (
        "fullmatch",
        [
            *DIGITS,
            ("", " ", "x"),
            ("1", " ", "x"),
            ("1.", "1", "x"),
            ("1e", "1", "x"),
            ("", "1.", ""),
        ],
    ),
    "local/service/query.py:_DATE": ("fullmatch", [("", "1", "x"), ("2026-01-01", "1", "")]),
    "local/service/query.py:_NUMBER": (
        "fullmatch",
        [*DIGITS, ("1.", "1", "x"), ("1e", "1", "x"), ("", "1.", ""), (".", "1", "x")],
    ),
    "local/service/views.py:camel_case": (views.camel_case, [("", "_", ""), ("", "_a", "")]),
    "api_url.py:_ADDRESS": (
        "fullmatch",
        [("", "a", "!"), ("", "a.", "!"), ("a:", "1", "x"), ("a/", "a/", "!"), ("a", "/", "!")],
    ),
    "terminal/filters.py:_AGO": ("fullmatch", [*DIGITS, ("1", "d", "")]),
    "terminal/filters.py:_UUID": ("fullmatch", UUIDS),
    "terminal/doctor/environment.py:_SHARE": (
        "fullmatch",
        [("opentelemetry-instrumentation-genai-", "a", "\n"), ("", "opentelemetry-", "")],
    ),
    "terminal/doctor/environment.py:_sdk_of": (
        lambda text: environment._sdk_of(EntryPoint(text, "a", "b")),
        [("", "-", ""), ("", "a", ""), ("", "a-", "")],
    ),
    "terminal/doctor/environment.py:_numbers": (environment._numbers, [*DIGITS, ("", "1.", "")]),
    "local/access.py:_LOOPBACK_NAME": (
        "fullmatch",
        [("", "a", ""), ("", "a.", ""), ("", "localhost.", "x"), ("127", ".1", ""), ("", "-", ":")],
    ),
}
OPENAI = openai.ENDPOINTS
ANTHROPIC = anthropic.ENDPOINTS
CASES = [
    pytest.param(pattern, *hostile, id=f"{pattern} {''.join(hostile)[:24]!a}")
    for pattern, (_, texts) in PATTERNS.items()
    for hostile in texts
]


@pytest.mark.parametrize(("pattern", "start", "part", "end"), CASES)
def test_a_text_that_nearly_matches_is_read_in_linear_time(
    pattern: str, start: str, part: str, end: str
) -> None:
    use = PATTERNS[pattern][0]
    function = used(pattern, use) if isinstance(use, str) else use

    assert growth(function, part, start, end) < 6


def test_every_regular_expression_has_hostile_texts() -> None:
    assert {key for path in PACKAGE.rglob("*.py") for key in patterns_of(path)} == {*PATTERNS}


def patterns_of(path: Path) -> list[str]:
    """Return the places where a file uses `re`, by the name of the constant or function."""
    return [
        f"{path.relative_to(PACKAGE)}:{_name(statement)}"
        for statement in ast.parse(path.read_text(encoding="utf-8")).body
        for node in ast.walk(statement)
        if _uses_re(node)
    ]


def _uses_re(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "re"  # a name of its own would hide the use
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id == "re" and node.attr[0].islower())
    )


def _name(statement: ast.stmt) -> str:
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    return str(getattr(statement, "name", statement))
