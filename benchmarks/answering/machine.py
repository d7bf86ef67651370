"""On what and with what a table was measured."""

import platform
import ssl
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from cryptography.hazmat.backends.openssl import backend

from tashika_server.responder import turns

__all__ = ["machine"]

LIBRARIES = ("cryptography", "httptools", "lmdb", "pyopenssl", "tashika-server", "uvloop")


def machine(command: Sequence[str], *, cores: Sequence[int]) -> dict[str, object]:
    """Say all that somebody needs to judge figures or to take them again."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "commit": _said("git", "rev-parse", "HEAD") or "none",
        "changed since": bool(_said("git", "status", "--porcelain", "--untracked-files=no")),
        "command": " ".join(command),
        "processor": _first("/proc/cpuinfo", "model name"),
        "cores": len(cores),
        "memory": _first("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "path of an answer": "interpreted" if turns.__file__.endswith(".py") else "compiled",
        "openssl of cryptography": backend.openssl_version_text(),
        "openssl of python": ssl.OPENSSL_VERSION,
        "openssl command": _said("openssl", "version"),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


def _first(file: str, name: str) -> str:
    """Return what a file of the kernel says of something first."""
    for line in Path(file).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "unknown"
