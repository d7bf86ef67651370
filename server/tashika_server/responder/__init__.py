"""From a question to a signed answer, and the worker that gives answers. See `answer` first.

Not for fetching revocation data (`refresh`) nor for keeping it (`index`).
"""

from tashika_server.responder.answer import Answer, answer
from tashika_server.responder.desk import Desk, Directory
from tashika_server.responder.inspection import Inspection
from tashika_server.responder.rim import Patience
from tashika_server.responder.worker import WorkerParts, run, serve

__all__ = [
    "Answer",
    "Desk",
    "Directory",
    "Inspection",
    "Patience",
    "WorkerParts",
    "answer",
    "run",
    "serve",
]
