"""What scripts/release.py refuses: the script itself, on checkouts that may not be released."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
SCRIPTS = ("release.py", "check_wheel.py", "pins.py")
PROJECT = """
[build-system]
requires = []
build-backend = "no.such.backend"
[project]
version = "1.2.3"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the scripts, and a changelog without a date; all of it is committed."""
    (tmp_path / "scripts").mkdir()
    for name in SCRIPTS:
        shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "CHANGELOG.md").write_text("## [1.2.3]\n")
    (tmp_path / ".gitignore").write_text("__pycache__/\n")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(checkout: Path, *arguments: str) -> None:
    name = ("-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *name, *arguments], cwd=checkout, check=True, capture_output=True)


def commit(checkout: Path) -> None:
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "--message", "m")


def refused(checkout: Path) -> str:
    command = [sys.executable, str(checkout / "scripts/release.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 1
    assert not (checkout / "dist").exists()
    return done.stderr


def test_a_file_that_is_not_committed(checkout: Path) -> None:
    (checkout / "left.py").touch()

    assert refused(checkout).startswith("refused: the checkout is not what is committed:\n?? left")


def test_a_folder_that_is_no_checkout(checkout: Path) -> None:
    shutil.rmtree(checkout / ".git")

    assert "not a git repository" in refused(checkout)


def test_a_version_without_a_date(checkout: Path) -> None:
    assert refused(checkout).startswith("refused: CHANGELOG.md has no section '## [1.2.3] - YYYY")


def test_what_does_not_build(checkout: Path) -> None:
    """With a date it gets as far as the build."""
    (checkout / "CHANGELOG.md").write_text("## [1.2.3] - 2026-01-02\n")
    commit(checkout)

    assert "-m build" in refused(checkout)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module("check_wheel")


def test_an_empty_wheel(script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is released once a check has failed."""
    wheel = tmp_path / "pulse_otel-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pulse_otel-0.1.0.dist-info/METADATA", "Name: pulse-otel\n\n")
    checks = script.Checks()

    script.check_contents(checks, wheel)
    with pytest.raises(SystemExit) as ended:
        checks.end()

    assert ended.value.code == 1
    assert "modules: pulse_otel/__init__.py, " in capsys.readouterr().out


@pytest.mark.parametrize(
    "line", ["[here](docs/costs.md)", "![a picture](list.png)", '<img src="list.png">']
)
def test_a_description_with_a_relative_link(
    line: str, script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = tmp_path / "pulse_otel-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pulse_otel-0.1.0.dist-info/METADATA", f"Name: pulse-otel\n\n{line}\n")
    checks = script.Checks()

    script.check_description(checks, wheel)

    assert checks.failures == 1
    assert "FAIL the description has no relative links" in capsys.readouterr().out
