"""`tashika-server doctor`: examine the whole installation, every issuer, and say what is wrong."""

import argparse
import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tashika.pki.errors import TashikaError
from tashika_server.assembly.examining import patient
from tashika_server.cli.arguments import secret_text
from tashika_server.clock import SystemClock
from tashika_server.config import load_config
from tashika_server.doctor.examination import examine, worst
from tashika_server.doctor.finding import Finding, Gravity
from tashika_server.doctor.wording import Language, worded
from tashika_server.durable import write_atomically
from tashika_server.office.gauges import DOCTOR_FILE

__all__ = ["add_commands"]

GRAVITIES = tuple(each.name.lower() for each in Gravity)


def add_commands(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `doctor`."""
    noun = nouns.add_parser(
        "doctor", epilog="exit status: 0 well, 1 warnings, 2 failures, 64 usage, 78 configuration"
    )
    noun.add_argument("config", type=Path, metavar="CONFIG")
    noun.add_argument("--json", action="store_true", help="print one JSON value, in both languages")
    noun.add_argument(
        "--language",
        type=Language,
        choices=list(Language),
        default=_language(os.environ),
        help="default: by LC_ALL, LC_MESSAGES or LANG",
    )
    noun.add_argument(
        "--token-file",
        dest="token",
        type=secret_text,
        metavar="FILE",
        help="ask the running responder with the token of a verifier, not a desk of our own",
    )
    noun.add_argument(
        "--record",
        action="store_true",
        help="leave the outcome in the run folder, where the office shows it among its metrics",
    )
    noun.set_defaults(handler=_examine)


def _language(environment: "os._Environ[str]") -> Language:
    chosen = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    first = next((each for each in chosen if each), "")
    return Language.JAPANESE if first.startswith("ja") else Language.ENGLISH


def _examine(options: argparse.Namespace) -> int:
    config, at = load_config(options.config), SystemClock().now()
    with patient(config, token=options.token, at=at) as at_hand:
        found = list(examine(at_hand, at=at))
    if options.record:
        _record(config.settings.run / DOCTOR_FILE, found, at)
    if options.json:
        print(json.dumps(_described(found), indent=2, ensure_ascii=False))
    else:
        for each in found:
            print(_line(each, options.language))
    return int(worst(found))


def _record(file: Path, found: Sequence[Finding], at: datetime) -> None:
    counts: dict[str, dict[str, int]] = {}
    for each in found:
        of_subject = counts.setdefault(each.subject, dict.fromkeys(GRAVITIES, 0))
        of_subject[each.gravity.name.lower()] += 1
    said = {"at": at.isoformat(), "findings": counts}
    try:
        write_atomically(file, json.dumps(said).encode())
    except OSError as wrong:
        raise TashikaError(f"{file} cannot be written: {wrong}; start the service") from wrong


def _line(finding: Finding, language: Language) -> str:
    gravity = finding.gravity.name.lower()
    return f"{gravity:7}  {finding.subject}  {finding.symptom}: {worded(finding, language)}"


def _described(found: Sequence[Finding]) -> dict[str, object]:
    return {
        "worst": worst(found).name.lower(),
        "findings": [
            {
                "gravity": each.gravity.name.lower(),
                "subject": each.subject,
                "symptom": each.symptom,
                "facts": {name: str(value) for name, value in each.facts.items()},
                **{language: worded(each, language)._asdict() for language in Language},
            }
            for each in found
        ],
    }
