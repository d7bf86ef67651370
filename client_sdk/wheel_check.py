"""`make wheel-check`: the SDK's wheel, alone, on each Python from 3.11 to 3.13 that is here.

Builds the wheel; then, for each Python, in a new environment: installs it, looks at what came
with it, imports every module with warnings as errors, and runs the example of the SDK's README
against a service such as `make demo` starts. Exit status: 0 all is well, 1 something is not.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from stage import Failed, run, say, server, service

SDK = Path(__file__).parent
PYTHONS = ("3.11", "3.12", "3.13")
ALLOWED = {
    *("aiohttp", "aiohappyeyeballs", "aiosignal", "attrs", "frozenlist", "idna", "multidict"),
    *("propcache", "typing_extensions", "yarl"),  # what aiohttp needs
    "asn1crypto",
    *("cryptography", "cffi", "pycparser"),
    *("pip", "setuptools", "tashika"),
}
"""Whatever else comes along makes the SDK heavier, and somebody has to want that."""
IMPORT_ALL = """
import importlib, pkgutil, tashika
for each in pkgutil.walk_packages(tashika.__path__, "tashika."):
    # One runs as a command, the other within pytest.
    if each.name not in ("tashika.__main__", "tashika.testing.fixtures"):
        importlib.import_module(each.name)
"""
WHAT_IS_THERE = """
import json
from importlib.metadata import distributions
print(json.dumps([each.metadata["Name"].lower().replace("-", "_") for each in distributions()]))
"""


def pythons() -> Iterator[Path]:
    """Yield one Python of each version: of PATH, or of pyenv."""
    for version in PYTHONS:
        homes = Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python")
        named = shutil.which(f"python{version}")
        candidates = [*map(Path, filter(None, [named])), *homes]
        found = next((each for each in candidates if _runs(each)), None)
        if found:
            yield found
        else:
            say(f"Python {version} is not on this machine: not checked")


def _runs(python: Path) -> bool:
    """Tell whether it is a Python, and not a stand-in for one that is not there."""
    command = [python, "-c", "import ensurepip, venv"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def built(folder: Path) -> Path:
    """Build the wheel."""
    run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"),
        *("--wheel-dir", folder, SDK),
    )
    (wheel,) = folder.glob("tashika-*.whl")
    return wheel


def prepared(folder: Path) -> tuple[Path, Path]:
    """Make simulated authorities where anybody may ask; return the lab and a new card's files."""
    lab = folder / "lab"
    server("lab", "init", lab, "--people", 6, "--municipalities", 2, "--port", 0, "--open")
    card, *_ = json.loads(server("lab", "issue", lab, "--json"))
    desk = folder / "desk"
    desk.mkdir()
    shutil.copy(card["certificate"], desk / "certificate.pem")
    shutil.copy(card["issuer"], desk / "issuer.pem")
    return lab, desk


def check(python: Path, wheel: Path, folder: Path, example: str) -> str:
    """Install and use the wheel with one Python; return the version that it was."""
    run(python, "-m", "venv", folder)
    own = folder / "bin" / "python"
    run(own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    if heavy := set(json.loads(run(own, "-I", "-c", WHAT_IS_THERE))) - ALLOWED:
        raise Failed(f"the SDK installs {', '.join(sorted(heavy))} as well")
    run(own, "-I", "-W", "error", "-c", IMPORT_ALL)
    run(folder / "bin" / "tashika", "check", "--help")
    run(own, "-I", "-W", "error", "-c", example)
    return run(own, "-V").strip()


def main() -> int:
    """Check all; the example runs where its certificates are."""
    readme = (SDK / "README.md").read_text()
    example = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)[0]
    with tempfile.TemporaryDirectory(prefix="tashika-wheel-") as name:
        folder = Path(name)
        try:
            wheel = built(folder)
            say(f"Built {wheel.name}, {wheel.stat().st_size // 1024} KiB")
            lab, desk = prepared(folder)
            os.chdir(desk)
            with service(lab) as ready:
                there = example.replace("http://127.0.0.1:8080/ocsp", ready.url)
                found = list(pythons())
                for number, python in enumerate(found):
                    say(f"{check(python, wheel, folder / str(number), there)}: as it should be")
        except (Failed, subprocess.TimeoutExpired) as failed:
            say(f"FAILED: {failed}")
            return 1
        finally:
            os.chdir(SDK)
    return int(not found)


if __name__ == "__main__":
    sys.exit(main())
