"""The secret from which every verifier's own pseudonym key is derived (`tashika.pki.pseudonym`).

Whoever has it can tell which certificate any usage record is about.
"""

from pathlib import Path
from secrets import token_bytes

from tashika.pki.pseudonym import KEY_BYTES
from tashika_server.durable import write_once
from tashika_server.metering.errors import MeteringError

__all__ = ["BadMasterKey", "ensure_master_key", "read_master_key"]


class BadMasterKey(MeteringError):
    """The file of the master key cannot be read, or is too short to be a secret."""


def ensure_master_key(path: Path) -> bytes:
    """Make the file if there is none, and read it; raises BadMasterKey.

    Several processes may do so at once and end up with one key.
    """
    if not path.exists():
        try:
            write_once(path, token_bytes(KEY_BYTES), mode=0o600)
        except OSError as wrong:
            raise BadMasterKey(
                f"{path}: {wrong.strerror}; name a file in a folder to write in"
            ) from None
    return read_master_key(path)


def read_master_key(path: Path) -> bytes:
    """Read the file, 32 octets or more at random; raises BadMasterKey."""
    try:
        key = path.read_bytes()
    except OSError as wrong:
        raise BadMasterKey(f"{path}: {wrong.strerror}; name the file of the master key") from None
    if len(key) < KEY_BYTES:
        raise BadMasterKey(f"{path} has {len(key)} octets; a master key has {KEY_BYTES} or more")
    return key
