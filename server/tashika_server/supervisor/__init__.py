"""Starts, watches, replaces and renews the processes of the service; owns the listening sockets.

It parses nothing that comes from the network, signs nothing and opens no index. What it agrees
on with its children is in `terms`, what they are in `roles`; `post` keeps one child going,
`service` all of them, and that through a change of the configuration.
"""

from tashika_server.supervisor.control import ask_for_reload
from tashika_server.supervisor.errors import NotServed, ReloadFailed, ReloadRefused, StartRefused
from tashika_server.supervisor.service import supervise

__all__ = [
    "NotServed",
    "ReloadFailed",
    "ReloadRefused",
    "StartRefused",
    "ask_for_reload",
    "supervise",
]
