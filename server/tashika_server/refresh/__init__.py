"""From the issuers' CRLs to the index: fetch, check, compare, publish; on schedule or asked.

`refresh` is the page to read first. Not for answering anyone, and not for signing.
"""

from tashika_server.refresh.control import notify
from tashika_server.refresh.fetch import FetchLimits
from tashika_server.refresh.process import Refresher, RefreshParts, Told, run, serve
from tashika_server.refresh.refresh import Outcome
from tashika_server.refresh.register import RegisterRefused, read_register
from tashika_server.refresh.source import AnySource, Check

__all__ = [
    "AnySource",
    "Check",
    "FetchLimits",
    "Outcome",
    "RefreshParts",
    "Refresher",
    "RegisterRefused",
    "Told",
    "notify",
    "read_register",
    "run",
    "serve",
]
