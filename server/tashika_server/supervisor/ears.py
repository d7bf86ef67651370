"""The listening sockets, opened once and for as long as the service lives.

All workers listen on the same ones, so that no worker's end costs anybody a place in a queue
(docs/decisions/0018).
"""

import os
import socket
from dataclasses import dataclass
from typing import Self

from tashika_server.config import Address, Settings
from tashika_server.supervisor.errors import StartRefused

__all__ = ["Ears", "listen", "url"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """The listening sockets; None for what is not listened to."""

    responder: socket.socket
    tls: socket.socket | None
    lab: socket.socket | None
    office: socket.socket | None

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Listen wherever the settings say; raises StartRefused."""
        return cls(
            responder=listen(settings.responder.listen),
            tls=listen(settings.tls.listen) if settings.tls else None,
            lab=listen(settings.lab.listen) if settings.lab else None,
            office=listen(settings.office.listen) if settings.office.listen else None,
        )

    def close(self) -> None:
        """Listen no longer."""
        for each in (self.responder, self.tls, self.lab, self.office):
            if each:
                each.close()


def listen(address: Address) -> socket.socket:
    """Listen at an address; raises StartRefused."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family)
    except OSError as wrong:
        reason = os.strerror(wrong.errno or 0)
        raise StartRefused(f"{address}: {reason}; free it, or listen elsewhere") from wrong


def url(listening: socket.socket, scheme: str = "http") -> str:
    """Return where a socket listens, the port that the kernel chose included."""
    host, port = listening.getsockname()[:2]
    return f"{scheme}://{Address(host, port)}"
