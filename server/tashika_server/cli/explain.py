"""`tashika-server explain`: what the operator reads out of a refusal's id.

The caller of a refused question has the id in a response header; everything else is in it.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from tashika_server.agreements.notes import KEY_FILE, Note, Notebook
from tashika_server.agreements.period import JST
from tashika_server.config import load_settings
from tashika_server.metering import meter  # noqa: F401 - its refusal's label is read back too

__all__ = ["add_commands"]


def add_commands(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `explain`."""
    noun = nouns.add_parser("explain")
    noun.add_argument("config", type=Path, metavar="CONFIG", help="the service's configuration")
    noun.add_argument("id", metavar="ID", help="the refusal's id, as its caller got it")
    noun.add_argument("--json", action="store_true", help="print one JSON object")
    noun.set_defaults(handler=_explain)


def _explain(options: argparse.Namespace) -> int:
    run = load_settings(options.config).run
    note = Notebook.open(run / KEY_FILE).read(options.id)
    described = describe(note)
    if options.json:
        print(json.dumps(described, ensure_ascii=False, indent=2))
    else:
        described["at"] = f"{note.at.astimezone(JST):%Y-%m-%d %H:%M:%S JST}"
        print("\n".join(f"{name:<11}{value}" for name, value in described.items() if value))
    return 0


def describe(note: Note) -> dict[str, Any]:
    """Write a note as names and values, in the order in which to read them."""
    row = note.refusal.reply
    return {
        "refusal": row.metric,
        "why": (note.refusal.__doc__ or "").partition("\n")[0],
        "ja": row.ja,
        "en": row.en,
        "ocsp": row.ocsp and row.ocsp.name.lower(),
        "billable": row.billable,
        "at": note.at.isoformat(),
        **note.grounds._asdict(),
    }
