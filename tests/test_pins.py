"""The default run does not change with what others release."""

from __future__ import annotations

import re
import runpy
from importlib import metadata

from tests.conftest import ROOT

SCRIPT = runpy.run_path(str(ROOT / "scripts/pins.py"))
requirements, name_of = SCRIPT["requirements"], SCRIPT["name_of"]


def test_every_package_that_the_project_or_its_tests_name_is_pinned() -> None:
    required = [*(metadata.requires("pulse-otel") or []), *requirements("tools")]
    named = {name_of(line) for line in required}

    assert {"openai", "requests", "pytest", "ruff"} <= named
    assert named <= {name_of(pin) for pin in requirements("pins")}


def test_a_pin_is_an_exact_version() -> None:
    pins = requirements("pins")

    assert [pin for pin in pins if not re.match(r"[\w.-]+==[\w.]+( ; .+)?$", pin)] == []
