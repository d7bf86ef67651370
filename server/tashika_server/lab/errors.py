"""What the lab declines to do.

LabError
├── NotALab         the directory holds no finished lab
├── NotOfThisLab    a certificate of somebody else
└── Unlawful        the simulated law forbids it
"""

from tashika.pki.errors import TashikaError

__all__ = ["LabError", "NotALab", "NotOfThisLab", "Unlawful"]


class LabError(TashikaError):
    """The lab cannot do what was asked; the message says why and what to do."""


class NotALab(LabError):
    """The directory holds no lab, or one that `lab init` did not finish."""


class NotOfThisLab(LabError):
    """The certificate was not issued here; every lab has the same names and small serials."""


class Unlawful(LabError):
    """The simulated law forbids it; the message cites what does."""
