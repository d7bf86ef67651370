"""`tashika-server explain`: what the operator reads out of a refusal's id.

The caller of a refused question has the id in a response header; everything else is in it.
"""

import argparse
import json
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

from tashika_server.agreements.notes import KEY_FILE, Note, Notebook
from tashika_server.agreements.refusals import AccessReply
from tashika_server.config import load_config

__all__ = ["add_commands"]

_JST = timezone(timedelta(hours=9), "JST")


def add_commands(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `explain`."""
    noun = nouns.add_parser("explain", help="say what decided a refusal")
    noun.add_argument("config", type=Path, metavar="CONFIG")
    noun.add_argument("id", metavar="ID", help="the refusal's id, as its caller got it")
    noun.add_argument("--json", action="store_true", help="print one JSON object")
    noun.set_defaults(handler=_explain)


def _explain(options: argparse.Namespace) -> int:
    run = load_config(options.config).settings.run
    described = describe(Notebook.open(run / KEY_FILE).read(options.id))
    if options.json:
        print(json.dumps(described, ensure_ascii=False, indent=2))
    else:
        print("\n".join(f"{name:<11}{value}" for name, value in described.items() if value))
    return 0


def describe(note: Note) -> dict[str, Any]:
    """Write a note as names and values, in the order in which to read them."""
    row = note.refusal.reply
    texts = (row.ja, row.en) if isinstance(row, AccessReply) else ("", "")
    return {
        "refusal": row.metric,
        "why": (note.refusal.__doc__ or "").partition("\n")[0],
        "ja": texts[0],
        "en": texts[1],
        "ocsp": row.ocsp and row.ocsp.name.lower(),
        "billable": row.billable,
        "at": note.at.isoformat(),
        "in Japan": note.at.astimezone(_JST).isoformat(),
        **note.grounds._asdict(),
    }
