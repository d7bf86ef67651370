"""A world of the benchmarks with a second verifier, whose questions are answered likewise."""

import json
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

from benchmarks.answering.world import World
from tashika.pki.profile import Family
from tashika_server.cli import main as tashika_server

PLENTY = "1000000000"
"""Of a limit that is not to be reached."""


def add_verifier(world: World) -> str:
    """Register another verifier that may ask without limit; return its token."""
    config, family = str(world.configuration), Family.SIGNATURE
    named = ["--name", "Other Bureau (simulated)", "--category", "administrative-organ"]
    verifier = _subject("verifier", "add", config, *named)
    _give("verifier", "notify", config, verifier, "--family", family)
    limits = ["--rate", PLENTY, "--burst", PLENTY, "--daily", "none"]
    granted = ["--grant", f"{family}:ocsp"]
    agreement = _subject("agreement", "add", config, verifier, *granted, *limits)
    for step in ("notify", "agree", "activate"):
        _give("agreement", "advance", config, agreement, step)
    kind = ["--kind", "token", "--label", "other"]
    return str(_give("credential", "add", config, agreement, *kind)["secret"])


def _subject(*words: str) -> str:
    return str(_give(*words)["changes"][0]["subject"])


def _give(*words: str) -> dict[str, Any]:
    """Give a command of `tashika-server`; return what it prints."""
    printed = StringIO()
    with redirect_stdout(printed):
        status = tashika_server([*words, "--json"])
    assert status == 0, words
    said: dict[str, Any] = json.loads(printed.getvalue())
    return said
