"""From a question to a signed answer, and the worker that gives answers. See `answer` first.

Not for fetching revocation data (`refresh`) nor for keeping it (`index`).
"""

from tashika_server.responder.admission import (
    Admission,
    Asker,
    ByAgreement,
    OfThisMachine,
    report_scan,
)
from tashika_server.responder.answer import answer
from tashika_server.responder.asker import Reception
from tashika_server.responder.client_standing import ClientStandings
from tashika_server.responder.compromised import HeedingIndex
from tashika_server.responder.desk import Desk
from tashika_server.responder.directory import Directory
from tashika_server.responder.front import Patience
from tashika_server.responder.given import Answer, Replay
from tashika_server.responder.inspection import Inspection
from tashika_server.responder.sight import Index
from tashika_server.responder.tls import TlsFiles, TlsIdentity
from tashika_server.responder.worker import WorkerParts, run, serve

__all__ = [
    "Admission",
    "Answer",
    "Asker",
    "ByAgreement",
    "ClientStandings",
    "Desk",
    "Directory",
    "HeedingIndex",
    "Index",
    "Inspection",
    "OfThisMachine",
    "Patience",
    "Reception",
    "Replay",
    "TlsFiles",
    "TlsIdentity",
    "WorkerParts",
    "answer",
    "report_scan",
    "run",
    "serve",
]
