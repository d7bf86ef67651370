"""Tells the service manager how the service stands, if that wants to know (sd_notify(3)).

There is no watchdog here: systemd would end, for a supervisor that stands still, a service
whose workers answer.
"""

import os
import socket
from contextlib import suppress

__all__ = ["tell_manager"]


def tell_manager(*states: str) -> None:
    """Send assignments such as READY=1; without a manager that listens, do nothing."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        name = address.replace("@", "\0", 1) if address.startswith("@") else address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, suppress(OSError):
            sender.sendto("\n".join(states).encode(), name)
