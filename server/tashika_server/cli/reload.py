"""`tashika-server reload`: the running service takes its configuration up anew."""

import argparse
import asyncio
from pathlib import Path

from tashika_server.config import load_settings
from tashika_server.supervisor import ask_for_reload

__all__ = ["add_commands"]


def add_commands(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `reload`."""
    noun = nouns.add_parser("reload")
    noun.add_argument("config", type=Path, metavar="CONFIG")
    noun.set_defaults(handler=_reload)


def _reload(options: argparse.Namespace) -> int:
    answer = asyncio.run(ask_for_reload(load_settings(options.config).run))
    print(f"reloaded {answer['file']}")
    for title in answer["late"]:
        print(f"{title} is not at work yet; the log says how it fares")
    return 0
