"""Operator's log: constant snake_case events with typed fields, one line each, on stderr.

`log = get_log()` at the top of a module, then `log.info("snapshot_published", issuer=...)`.
Not for audit events and not for anything a machine must find again: a full disk loses lines.
Serials, names of people, nonces and keys have no place in a field; the commonest slips are
withheld here.
"""

import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from typing import Any, cast


@contextmanager
def _as_if_absent(module: str) -> Iterator[None]:
    loaded = sys.modules.pop(module, None)
    sys.modules[module] = None  # type: ignore[assignment]  # as the import system writes "absent"
    try:
        yield
    finally:
        del sys.modules[module]
        if loaded:
            sys.modules[module] = loaded


# structlog would load rich for tracebacks that we never print: a sixth of every process's start.
with _as_if_absent("rich"):
    import structlog

__all__ = ["Log", "LogFormat", "configure_log", "get_log"]

Log = structlog.typing.FilteringBoundLogger
Event = MutableMapping[str, Any]

WITHHELD = frozenset({"serial", "serials", "nonce", "pin", "password", "token", "private_key"})
"""Field names that would carry what must not be logged (style.md's rule as code)."""


class LogFormat(StrEnum):
    """How a log line looks; `auto` is for people on a terminal and JSON elsewhere."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


def get_log() -> Log:
    """Return the log of a module; what `configure_log` says applies even if said later."""
    return cast("Log", structlog.get_logger())


def configure_log(form: LogFormat = LogFormat.AUTO, *, process: str) -> None:
    """Send this process's log to stderr; every line carries the name of the `process`."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            partial(_mark, process),
            _withhold,
            *_last_steps(form, terminal=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=lambda *_: _Stderr(),
    )


def _last_steps(form: LogFormat, *, terminal: bool) -> list[structlog.typing.Processor]:
    if form is LogFormat.JSON or (form is LogFormat.AUTO and not terminal):
        return [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
        ]
    return [
        structlog.dev.ConsoleRenderer(
            colors=terminal,
            # The pretty formatter prints local variables, keys among them.
            exception_formatter=structlog.dev.plain_traceback,
        )
    ]


def _mark(process: str, _log: Any, _method: str, event: Event) -> Event:
    event["process"] = process
    return event


def _withhold(_log: Any, _method: str, event: Event) -> Event:
    for name in WITHHELD & event.keys():
        event[name] = "(withheld)"
    return event


class _Stderr:
    """Writes lines to stderr and survives its loss: a full log disk stops no answer (T32)."""

    def msg(self, line: str) -> None:
        try:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):  # no space, or a closed stream
            pass

    debug = info = warning = error = critical = exception = fatal = msg
