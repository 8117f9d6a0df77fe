"""The documentation that scripts write is what they would write now."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

TESTS = ROOT / "tests"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_table_of_methods_is_current() -> None:
    spec = importlib.util.spec_from_file_location("method_table", ROOT / "scripts/method_table.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    assert (ROOT / "docs/methods.md").read_text(encoding="utf-8") == script.page()


def test_the_page_about_costs_is_current() -> None:
    command = [sys.executable, str(ROOT / "scripts/cost_table.py"), "--check"]

    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def test_every_cited_section_of_the_contract_exists() -> None:
    contract = (ROOT / "docs/contract.md").read_text(encoding="utf-8")
    sections = set(re.findall(r"^#+ ([\d.]*\d)\.? ", contract, re.MULTILINE))
    pages = [ROOT / "docs/contract.md", *(ROOT / "pulse_otel").rglob("*.py"), *TESTS.rglob("*.py")]

    cited = [
        (section, page.name)
        for page in pages
        for rfc, section in re.findall(r"(RFC \d+ )?§(\d[\d.]*\b)", page.read_text("utf-8"))
        if not rfc
    ]

    assert len(cited) > 50
    assert [found for found in cited if found[0] not in sections] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_links_to_what_is_there(page: Path) -> None:
    """To files, and to headings by the anchors that a repository page and mkdocs both give."""
    text = page.read_text(encoding="utf-8")

    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if not link.startswith("http"):
            target = (page.parent / path) if path else page
            assert target.exists(), link
            # Those of the API are made, and checked, as the site is built.
            if anchor and target.suffix == ".md" and not anchor.startswith("pulse_otel."):
                assert anchor in _anchors(target), link


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_readmes_table_of_versions_is_current() -> None:
    command = [sys.executable, str(ROOT / "scripts/version_table.py"), "--check"]

    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def test_every_place_that_the_architecture_names_exists() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")]

    places = {place for row in rows for place in re.findall(r"`((?:\w+/)[\w/.]*)`", row)}

    assert len(places) > 20
    assert [place for place in sorted(places) if not (ROOT / place).exists()] == []


def test_every_file_that_the_walks_name_exists() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    walks = page.partition("## Four walks")[2].partition("## Where")[0]
    known = {path.name for path in (ROOT / "pulse_otel").rglob("*.py")}

    named = re.findall(r"`(?:\w+/)*(\w+\.py)`", walks)

    assert len(named) > 15
    assert [name for name in named if name not in known] == []
