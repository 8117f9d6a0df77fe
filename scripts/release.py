"""Make a release: fill dist/ with an sdist and a wheel that were tried, an SBOM and checksums.

Publishes nothing. Refuses a checkout with changes that are not committed, a version without a
date in CHANGELOG.md, and artefacts that fail a check: those of scripts/check_wheel.py, and the
command and the demo as pip installs them. Needs git and a package registry.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from check_wheel import ROOT, Checks, check_distribution, install, run

# They have an environment of their own: the SBOM lists what the package needs, not what they do.
TOOLS = ("cyclonedx-bom~=7.5", "twine~=6.2")
NEXT = """
dist/ is complete; nothing has been published. What is left to do:
  1. git tag --sign v{version} && git push --tags
  2. twine upload {uploaded}
  3. attach the files of dist/ to the page of the release: the SBOM and SHA256SUMS belong there"""


def changes(root: Path) -> str:
    """Tell what git would not find again of the checkout at `root`; empty if it is all there."""
    command = ["git", "status", "--porcelain"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else done.stderr


def version_of(root: Path) -> str:
    """Return the version that pyproject.toml gives."""
    found = re.search(r'^version = "(.+)"', (root / "pyproject.toml").read_text("utf-8"), re.M)
    return found[1] if found else ""


def refusal(root: Path) -> str:
    """Say why this checkout may not be released; empty if it may."""
    if left := changes(root):
        return f"the checkout is not what is committed:\n{left}"
    version = version_of(root)
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$"
    if not re.search(heading, (root / "CHANGELOG.md").read_text("utf-8"), re.M):
        return f"CHANGELOG.md has no section '## [{version}] - YYYY-MM-DD'"
    return ""


def check_command(checks: Checks, python: Path, wheel: Path, folder: Path) -> None:
    """The command runs without an extra, and the demo with it."""
    command = python.with_name("pulse-otel")
    told = run(command, "--version", cwd=folder).strip()
    right = told.endswith(f"version {version_of(ROOT)}")
    checks.report("the command tells its version", "" if right else told)
    environment = folder / "with-extra"
    run(sys.executable, "-m", "venv", environment, cwd=folder)
    other = environment / python.relative_to(folder / "environment")
    install(other, f"{wheel}[local]", cwd=folder)
    run(other.with_name("pulse-otel"), "demo", cwd=folder, HOME=str(folder / "home"))
    checks.report("the demo runs with the extra", "")


def with_tools(folder: Path) -> Path:
    """Make the environment of the tools; return where its programs are."""
    environment = folder / "tools"
    run(sys.executable, "-m", "venv", environment, cwd=folder)
    programs = environment / "bin"
    run(programs / "python", "-m", "pip", "install", "--quiet", *TOOLS, cwd=folder)
    return programs


def write_bom(programs: Path, python: Path, bom: Path) -> None:
    """Write the SBOM of what `python` has: the wheel and all that it needs, without pip."""
    run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "setuptools", "pip", cwd=bom.parent)
    options = ["--pyproject", ROOT / "pyproject.toml", "--mc-type", "library"]
    options += ["--output-reproducible", "--output-file", bom]
    run(programs / "cyclonedx-py", "environment", *options, python, cwd=bom.parent)


def fill(target: Path, files: list[Path]) -> None:
    """Make `target` anew with `files` and their checksums, as `sha256sum --check` reads them."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    for path in files:
        shutil.copy(path, target)
    (target / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def main() -> None:
    """Refuse, or build, check and fill dist/."""
    if reason := refusal(ROOT):
        sys.exit(f"refused: {reason}")
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        sdist, wheel, python = check_distribution(checks, folder)
        check_command(checks, python, wheel, folder)
        programs = with_tools(folder)
        run(programs / "twine", "check", "--strict", sdist, wheel, cwd=folder)
        checks.report("an index can render the description", "")
        checks.end()
        bom = folder / f"pulse_otel-{version_of(ROOT)}.cdx.json"
        write_bom(programs, python, bom)
        fill(ROOT / "dist", [sdist, wheel, bom])
    print(*(f"dist/{path.name}" for path in sorted((ROOT / "dist").iterdir())), sep="\n")
    uploaded = f"dist/{sdist.name} dist/{wheel.name}"
    print(NEXT.format(version=version_of(ROOT), uploaded=uploaded))


if __name__ == "__main__":
    main()
