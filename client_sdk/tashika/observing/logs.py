"""Events as records of the standard library's logging, under the name ``tashika``.

The message is a constant name; what belongs to it is in ``record.tashika``, a flat dictionary.
"""

import logging

from tashika.observing import Event, Happening

_log = logging.getLogger("tashika")
_LEVELS = {Happening.LEFT_ALONE: logging.WARNING, Happening.FAILED: logging.INFO}


class LogObserver:
    """Logs what goes well at DEBUG, failures at INFO, and a responder left alone at WARNING."""

    def note(self, event: Event) -> None:
        """Log one event."""
        level = _LEVELS.get(event.what, logging.DEBUG)
        if not _log.isEnabledFor(level):
            return
        fields = {name: value for name, value in event._asdict().items() if value is not None}
        fields["what"] = event.what.value
        if event.cause:
            fields["cause"] = event.cause.value
        said = " ".join(f"{name}={value}" for name, value in fields.items() if name != "what")
        _log.log(level, "%s %s", event.what.value, said, extra={"tashika": fields})
