"""What the commands have in common where they speak: a language, rows of words, or JSON."""

import argparse
import json
import os
import unicodedata
from datetime import datetime
from typing import NamedTuple

from tashika.errors import WrongUse
from tashika.language import Language

_LABEL_WIDTH = 13


class Phrase(NamedTuple):
    """A label or a sentence of a command, in both languages."""

    english: str
    japanese: str

    def said(self, language: Language, **facts: object) -> str:
        """Return it in one language, with the facts put into their places."""
        text = self.japanese if language is Language.JAPANESE else self.english
        return text.format_map(facts) if facts else text


def misuse(phrase: Phrase, **facts: object) -> WrongUse:
    """Return what a command line fails at, with the Japanese of it as its note."""
    wrong = WrongUse(phrase.said(Language.ENGLISH, **facts))
    wrong.add_note(phrase.said(Language.JAPANESE, **facts))
    return wrong


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for how a command speaks."""
    parser.add_argument("--json", action="store_true", help="one JSON object instead of words")
    parser.add_argument(
        "--lang",
        "--language",
        type=Language,
        choices=[*Language],
        default=Language.of(os.environ),
        help="default: by LC_ALL, LC_MESSAGES or LANG",
    )


def row(label: str, text: str) -> str:
    """Return a labelled line; the texts of several stand below each other."""
    wide = sum(unicodedata.east_asian_width(each) in "FW" for each in label)
    return f"  {label:<{_LABEL_WIDTH - wide}}{text}"


def as_json(told: object) -> str:
    """Return one JSON value, the Japanese of it as it is."""
    return json.dumps(told, indent=2, ensure_ascii=False)


def as_time(at: datetime) -> str:
    """Return an aware UTC time as RFC 3339 has it, to the second."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
