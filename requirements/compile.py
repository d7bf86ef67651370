#!/usr/bin/env python3
"""Makes .venv/compiled: both packages once more, the path of an answer compiled to machine code.

    make compiled
    PYTHONPATH=.venv/compiled .venv/bin/tashika-server serve CONFIG

mypyc compiles the very modules that are tested and type-checked; whatever is not listed below is
copied. It wants a C compiler. The copies stand apart, so that no build can lie beside sources
that have changed since: without PYTHONPATH the sources themselves run, as ever.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "client_sdk/tashika", ROOT / "server/tashika_server"
TARGET = ROOT / ".venv/compiled"

COMPILED = {
    "tashika/pki": "certid der extensions pseudonym request response standing",
    "tashika_server/agreements": "gate gatehouse limits party replay scan snapshot",
    "tashika_server/index": "ground reader snapshot",
    "tashika_server/metering": "group journal meter record repeats syncing usage",
    "tashika_server/responder": (
        "admission answer asker cache common connection desk directory framing front given http "
        "inspection judge line pace rim shapes sight stages turns"
    ),
    "tashika_server/signing": "encode envelope shelf signer template",
}
"""What every answer goes through."""

_BUILD = """\
import sys
from mypyc.build import mypycify
from setuptools import setup
config, *modules = sys.argv[1:]
del sys.argv[1:]
sys.argv += ["--quiet", "build_ext", "--inplace", "--parallel", "{jobs}"]
setup(
    name="tashika-compiled",
    packages=[],
    ext_modules=mypycify(
        ["--config-file", config, *modules], opt_level="2", multi_file=True, group_name="tashika"
    ),
)
"""


def main() -> None:
    """Build beside, and put the whole in its place."""
    if not (shutil.which("cc") or shutil.which("gcc")):
        sys.exit("install a C compiler (Debian: apt-get install gcc libc6-dev)")
    print("==> compiling the path of an answer, which takes a minute or two", flush=True)
    modules = [f"{place}/{name}.py" for place, names in COMPILED.items() for name in names.split()]
    with tempfile.TemporaryDirectory(prefix="tashika-compile-") as directory:
        work = Path(directory) / "compiled"
        for package in PACKAGES:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(package, work / package.name, ignore=ignored)
        build = _BUILD.format(jobs=os.cpu_count() or 1)
        command = [sys.executable, "-c", build, str(ROOT / "pyproject.toml"), *modules]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{done.stdout}{done.stderr}\nthe compiler stopped; see above")
        shutil.rmtree(work / "build")
        shutil.rmtree(TARGET, ignore_errors=True)
        shutil.move(work, TARGET)
    print("==> ready: .venv/compiled")


if __name__ == "__main__":
    main()
