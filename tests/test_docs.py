"""The documentation that scripts write is what they would write now."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import subprocess
import sys

import pulse_otel
from tests.conftest import ROOT

TESTS = ROOT / "tests"


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


def test_the_readme_links_to_files_that_are_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    links = [part.partition(")")[0] for part in readme.split("](")[1:]]

    for link in links:
        if not link.startswith(("http", "#")):
            assert (ROOT / link).exists(), link


def test_the_readme_calls_everything_as_it_is() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)(\(.+?\))[^`]*` \|", readme, re.MULTILINE)
    assert {"init_pulse", "observe", "session", "flush_buffer"} <= {name for name, _ in rows}

    for name, written in rows:
        real = inspect.signature(getattr(pulse_otel, name)).parameters
        (function,) = ast.parse(f"def f{written}: ...").body
        assert isinstance(function, ast.FunctionDef)
        told = function.args
        defaults = dict(
            zip([each.arg for each in told.args][::-1], told.defaults[::-1], strict=False)
        )
        named = zip(told.kwonlyargs, told.kw_defaults, strict=True)
        defaults |= {each.arg: value for each, value in named if value is not None}
        for each in [*told.args, *told.kwonlyargs]:
            assert each.arg in real, (name, each.arg)
            keyword = real[each.arg].kind is inspect.Parameter.KEYWORD_ONLY
            assert keyword == (each in told.kwonlyargs), (name, each.arg)
        for argument, value in defaults.items():
            assert real[argument].default == ast.literal_eval(value), (name, argument)


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
