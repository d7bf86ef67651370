"""What can go wrong with the index, one class per reaction."""

from tashika.pki.errors import TashikaError

__all__ = ["IndexBusy", "IndexForeign", "IndexMissing", "IndexWriteFailed", "SerialTaken"]


class IndexMissing(TashikaError):
    """There is no index to read, or none that can be: answer tryLater, ask again later."""


class IndexForeign(TashikaError):
    """What lies at the path is not an index of this version: a person must look."""


class IndexBusy(TashikaError):
    """Another process writes this index: stop one of the two."""


class IndexWriteFailed(TashikaError):
    """The disk or the map is full, or failed: the writer is dead, its process must end.

    The last generation stays whole and readable. An fsync that failed is not tried again as
    if nothing had happened; a fresh process opens the index anew (exit code 75).
    """


class SerialTaken(TashikaError):
    """A partition lists a certificate that another partition of the issuer lists already."""

    def __init__(self, holder: str) -> None:
        listed_by = holder or "the complete CRL"
        super().__init__(f"it lists a certificate that {listed_by} lists already")
        self.holder = holder
        """The name of that other partition."""
