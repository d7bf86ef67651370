"""The simulated side of everything: CAs, people, legal events, CRLs, and verifiers who ask.

Everything here is labelled as simulated (`O=JPKI-SIM`). Not a certification authority for
anybody: keys lie in plain files, and people are made up. The HTTP side is `publication`,
imported by whoever runs it.
"""

from tashika_server.lab.causes import ACT_VERSION, RULES, Cause
from tashika_server.lab.certificates import Policies
from tashika_server.lab.days import JST
from tashika_server.lab.errors import LabError, NotALab, NotOfThisLab, Unlawful
from tashika_server.lab.founding import found_world
from tashika_server.lab.keys import Algorithm
from tashika_server.lab.layout import SIMULATED
from tashika_server.lab.order import Access, Files, News, Order
from tashika_server.lab.publishing import Publication
from tashika_server.lab.records import Certificate
from tashika_server.lab.world import Departure, World

__all__ = [
    "ACT_VERSION",
    "JST",
    "RULES",
    "SIMULATED",
    "Access",
    "Algorithm",
    "Cause",
    "Certificate",
    "Departure",
    "Files",
    "LabError",
    "News",
    "NotALab",
    "NotOfThisLab",
    "Order",
    "Policies",
    "Publication",
    "Unlawful",
    "World",
    "found_world",
]
