"""What the import checker cannot say: it knows external packages by their first name only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "pulse_otel"
HALF = [
    path for room in ("instrumentation", "units") for path in sorted((PACKAGE / room).rglob("*.py"))
]


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", HALF, ids=lambda path: path.stem)
def test_the_instrumentation_half_uses_the_opentelemetry_api_only(path: Path) -> None:
    assert not [name for name in _imports(path) if name.startswith("opentelemetry.sdk")]
