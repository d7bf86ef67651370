"""What can go wrong with kept files, one class per reaction."""

from tashika.pki.errors import TashikaError

__all__ = ["ArchiveFailed", "FileDamaged", "FileUnknown"]


class ArchiveFailed(TashikaError, OSError):
    """The disk is full or fails: what was to be kept is not, and must not be published."""


class FileDamaged(TashikaError):
    """What is on the disk is not what was kept: restore it from a backup."""


class FileUnknown(TashikaError):
    """No such file is kept, or it is kept no longer."""
