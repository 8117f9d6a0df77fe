"""The documentation that scripts write is what they would write now."""

from __future__ import annotations

import importlib.util

from tests.conftest import ROOT


def test_the_table_of_methods_is_current() -> None:
    spec = importlib.util.spec_from_file_location("method_table", ROOT / "scripts/method_table.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    assert (ROOT / "docs/methods.md").read_text(encoding="utf-8") == script.page()


def test_the_readme_links_to_files_that_are_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    links = [part.partition(")")[0] for part in readme.split("](")[1:]]

    for link in links:
        if not link.startswith(("http", "#")):
            assert (ROOT / link).exists(), link
