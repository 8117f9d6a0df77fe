"""The pages that scripts write are what they would write now."""

from __future__ import annotations

import re
import runpy
from typing import Any

import pytest

import pulse_otel
from pulse_otel import PulseConfig, semconv
from tests.conftest import ROOT

PAGES = ("api", "settings", "attributes")


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_current(name: str) -> None:
    script: dict[str, Any] = runpy.run_path(str(ROOT / f"scripts/{name}_page.py"))

    assert (ROOT / f"docs/reference/{name}.md").read_text(encoding="utf-8") == script["page"]()


def test_the_page_of_settings_has_every_setting_with_its_variable() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")

    for name in PulseConfig.__annotations__:
        section = page.partition(f"\n## `{name}`\n")[2].partition("\n## ")[0]
        assert name == "tracer_provider" or f"`PULSE_{name.upper()}`" in section, name


def test_the_page_of_attributes_has_every_attribute_that_a_call_may_have() -> None:
    page = (ROOT / "docs/reference/attributes.md").read_text(encoding="utf-8")
    names = [value for name, value in vars(semconv).items() if name.startswith("REQUEST_")]

    assert len(names) > 10
    assert [name for name in names if f"| `{name}` |" not in page] == []


def test_the_page_of_the_api_has_every_public_name() -> None:
    page = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")

    assert [name for name in pulse_otel.__all__ if f"| [`{name}`](" not in page] == []


def test_llms_txt_is_current_and_its_links_are_pages() -> None:
    script: dict[str, Any] = runpy.run_path(str(ROOT / "scripts/llms_txt.py"))
    text = (ROOT / "docs/llms.txt").read_text(encoding="utf-8")

    assert text == script["text"]()
    links = re.findall(r"^- \[.+?\]\((.+?)\)", text, re.MULTILINE)
    assert len(links) > 30
    pages = [link.rstrip("/").removesuffix(".md") + ".md" for link in links]
    assert [page for page in pages if not script["source_of"](page).exists()] == []
