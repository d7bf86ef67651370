"""The server's side of TLS: its certificate in use, renewed from its files without a restart.

Built on pyOpenSSL. Python's own `ssl` asks for a client certificate only together with having
OpenSSL judge it against a list of CAs, and offers no say in the verdict: a pinned self-signed
certificate could not come in, and whoever is refused would get a TLS alert in place of a refusal
with its id. Here the handshake proves only that the client has the key of the certificate it
shows; who that is, and whether it may ask, the gate decides with each request. That no verdict
is kept with the connection or the session is what makes resumption harmless (T25).
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from OpenSSL import SSL

from tashika.pki.certificates import validity
from tashika.pki.errors import TashikaError
from tashika_server.certificate_file import BadFile, read_certificate, read_private_key
from tashika_server.log import get_log

__all__ = ["TlsFiles", "TlsIdentity", "TlsRefused"]

log = get_log()

CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2, those with forward secrecy and authenticated encryption; 1.3 has no others."""
OPTIONS = SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION  # T29
DEPTH = 0
"""OpenSSL's own look at a client's chain ends at its first certificate: all else is wasted."""


class TlsRefused(TashikaError):
    """The server's certificate cannot be used; names the file and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """The server's certificate, with those that lead to its root, and its key; both PEM."""

    certificate: Path
    key: Path


class TlsIdentity:
    """What the server shows in a handshake: `context` is the newest that could be loaded."""

    def __init__(self, files: TlsFiles, *, at: datetime) -> None:
        """Load the files; raises TlsRefused."""
        self._files = files
        self._seen = _stamps(files)
        self._complaint = ""
        self.context = _load(files, at)

    def refresh(self, *, at: datetime) -> None:
        """Take replaced files up if they are sound; else keep what is in use, and log why, once.

        What was refused is tried again each time: its other half may follow, or its time come.
        """
        if (found := _stamps(self._files)) == self._seen:
            return
        try:
            self.context = _load(self._files, at)
        except TlsRefused as refused:
            if str(refused) != self._complaint:
                log.error("tls_certificate_refused", reason=str(refused))  # noqa: TRY400 - said
            self._complaint = str(refused)
        else:
            self._seen, self._complaint = found, ""
            log.info("tls_certificate_replaced", file=str(self._files.certificate))


def _load(files: TlsFiles, at: datetime) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(CIPHERS)
    context.set_options(OPTIONS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)  # clients keep tickets; we keep nothing
    context.set_session_id(b"tashika")  # without one no session with a certificate is resumed
    context.set_verify(SSL.VERIFY_PEER, _take_any)
    context.set_verify_depth(DEPTH)
    try:
        begin, end = validity(read_certificate(files.certificate))
        context.use_certificate_chain_file(files.certificate)
        context.use_privatekey(read_private_key(files.key))
        context.check_privatekey()
    except BadFile as bad:
        raise TlsRefused(str(bad)) from bad
    except (OSError, SSL.Error) as wrong:
        raise TlsRefused(
            f"{files.certificate} and {files.key} are no certificate and its key in PEM; "
            "give two that belong together"
        ) from wrong
    if not begin <= at <= end:
        raise TlsRefused(
            f"{files.certificate} is valid from {begin:%Y-%m-%d} to {end:%Y-%m-%d}; "
            "give one that is in force"
        )
    return context


def _take_any(*_: object) -> bool:
    """Let any certificate through: its worth is found out with each request."""
    return True


def _stamps(files: TlsFiles) -> tuple[tuple[int, int] | None, ...]:
    return tuple(_stamp(path) for path in (files.certificate, files.key))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
