"""What an answer is made with: who may ask, the issuers served, the index, the signers.

Values only; how an answer comes about is told in `answer`.
"""

from dataclasses import dataclass, field

from tashika_server.metering.meter import Meter
from tashika_server.responder.admission import Admission
from tashika_server.responder.cache import AnswerCache
from tashika_server.responder.common import Commonplaces
from tashika_server.responder.directory import Directory
from tashika_server.responder.inspection import Inspection
from tashika_server.responder.shapes import Shapes
from tashika_server.responder.sight import Index
from tashika_server.signing import Shelf

__all__ = ["Desk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything an answer is made with."""

    admission: Admission
    directory: Directory
    index: Index
    shelf: Shelf
    inspection: Inspection
    max_cert_ids: int
    meter: Meter | None = None
    """None where answers are nobody's to pay for: `access = "open"`."""
    cache: AnswerCache = field(default_factory=AnswerCache)
    common: Commonplaces = field(default_factory=Commonplaces)
    shapes: Shapes = field(default_factory=Shapes)
