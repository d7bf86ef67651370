"""What a running service cannot change, since old and new processes work side by side for a while.

A restart takes any change.
"""

from pathlib import Path
from typing import Any

from tashika_server.config import Complaints, Settings

__all__ = ["refuse_what_must_stay"]

_WHY = {
    # A queue of connections belongs to its socket, and would be reset with it.
    "responder.listen": "its connections would be lost",
    "tls.listen": "its connections would be lost",
    "office.listen": "its connections would be lost",
    "lab.listen": "the refresher follows it",
    "lab.directory": "the refresher follows it",
    # Processes find each other and what they share there.
    "run": "its processes find each other there",
    "index.path": "until a new index is loaded, nothing could be answered",
    # What is half done in the one would be looked for in the other.
    "book.dsn": "what is open would be looked for in another book",
    "book.dsn_file": "what is open would be looked for in another book",
    "metering.journal": "the journals that are open would not be taken in",
    "metering.node_name": "the journals that are open would not be taken in",
    "metering.key": "one certificate would have two pseudonyms",
    # The same question, asked twice, would be answered and refused.
    "access": "some would answer whom others refuse",
    "environment": "some would answer whom others refuse",
}


def refuse_what_must_stay(file: Path, old: Settings, new: Settings) -> None:
    """Raise ConfigError if `new` changes what must stay; it names every such key."""
    complaints = Complaints(file)
    for key, why in _WHY.items():
        before, after = _value(old, key), _value(new, key)
        if before != after:
            what = (
                f"cannot change from {before} to {after or 'nothing'} while the service runs: {why}"
            )
            complaints.add(key.removesuffix("_name"), what, "put it back, or restart the service")
    complaints.settle()


def _value(settings: Any, key: str) -> Any:
    """Return the value of a key; None where its table is left out."""
    for name in key.split("."):
        settings = getattr(settings, name, None)
    return settings
