"""TLS between a socket and a conversation: a transport for the latter, a protocol to the former.

Knows nothing of HTTP. Everything is in memory and in order; what waits is the socket's transport.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from math import inf
from typing import Any, cast

from OpenSSL import SSL, crypto

from tashika_server.metrics import Tally
from tashika_server.responder.connection import CLIENT_CERTIFICATE, READ_BYTES, Connection
from tashika_server.responder.front import Front
from tashika_server.responder.tls import TlsIdentity

__all__ = ["TlsFront"]

RECORD = 16 * 1024
"""Octets of a TLS record at most (RFC 8446 5.1)."""

_incoming = bytearray(RECORD)
"""Where every connection of the process reads ciphertext to: what is there is taken at once."""
_incoming_view = memoryview(_incoming)

_handshakes = Tally(
    "tashika_tls_handshakes",
    "How handshakes ended.",
    label="outcome",
    allowed=("done", "broken_off"),
)


class TlsFront:
    """The protocol factory of a TLS listener: shakes hands, then leads to the front proper."""

    def __init__(self, front: Front, identity: TlsIdentity, *, patience: timedelta) -> None:
        """Lead to `front` whoever has shaken hands within `patience`."""
        self.front = front
        self.identity = identity
        self.patience = patience.total_seconds()

    def __call__(self) -> "TlsConnection":
        """Make the connection of one caller."""
        return TlsConnection(self)


class TlsConnection(asyncio.Transport, asyncio.BufferedProtocol):
    """One caller's TLS. In the front's list until the conversation takes its place there.

    Nothing is read from the socket while something that was read is undeciphered: what a caller
    sends ahead waits with the kernel (T18), and here there is one record of it at most, and what
    one read has brought.
    """

    def __init__(self, entrance: TlsFront) -> None:
        super().__init__()
        self._front = entrance.front
        self._patience = entrance.patience
        self._tls = SSL.Connection(entrance.identity.context, None)
        self._tls.set_accept_state()
        self._inner: Connection | None = None
        self._below: asyncio.Transport
        self.deadline = inf
        self._client_certificate: bytes | None = None
        self._paused = self._closing = False

    # --- The protocol of the socket ---------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the handshake, but not for long (T18, T36)."""
        self._below = cast("asyncio.Transport", transport)
        self.deadline = asyncio.get_running_loop().time() + self._patience
        if not self._front.enter(self):
            self.abort()

    def get_buffer(self, _sizehint: int) -> bytearray:
        """Say where to read to."""
        return _incoming

    def buffer_updated(self, nbytes: int) -> None:
        """Take ciphertext in."""
        if not self._closing:
            self._tls.bio_write(bytes(_incoming_view[:nbytes]))
            self._pump()

    def eof_received(self) -> bool:
        """Tell whoever is above that nothing more comes; they may still owe a reply."""
        return not self._closing and self._inner is not None and self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever is above."""
        self._closing = True
        if self._inner is None:
            self._front.leave(self)
            _handshakes.count("broken_off")
        else:
            self._inner.connection_lost(exc)
            self._inner = None

    def pause_writing(self) -> None:
        """Hand on that the socket is full."""
        if self._inner:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Hand on that it is not any more."""
        if self._inner:
            self._inner.resume_writing()

    # --- The transport of the conversation --------------------------------------------------

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Say what is known of the client's certificate and of the socket."""
        if name == CLIENT_CERTIFICATE:
            return self._client_certificate
        return self._below.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send; what the socket does not take at once, its transport keeps."""
        if not self._closing:
            self._tls.sendall(data)
            self._flush()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set when the socket counts as full."""
        self._below.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Return what the socket has not taken yet."""
        return self._below.get_write_buffer_size()

    def pause_reading(self) -> None:
        """Leave what comes with the kernel, and what has come undeciphered."""
        self._paused = True
        self._below.pause_reading()

    def resume_reading(self) -> None:
        """Go on with what has come, after whoever calls this has returned; then with the rest."""
        self._paused = False
        asyncio.get_running_loop().call_soon(self._pump)

    def write_eof(self) -> None:
        """Say goodbye (close_notify), and go on listening."""
        if not self._closing:
            with suppress(SSL.Error):
                self._tls.shutdown()
            self._flush()

    def is_closing(self) -> bool:
        """Tell whether nothing more is sent."""
        return self._closing

    def close(self) -> None:
        """Say goodbye (close_notify), and close once everything has been sent."""
        if not self._closing:
            with suppress(SSL.Error):
                self._tls.shutdown()
            self._hang_up()

    def abort(self) -> None:
        """Close at once."""
        self._closing = True
        self._below.abort()

    def retire(self) -> None:
        """Break the handshake off: nothing has been asked yet."""
        self.abort()

    def expire(self) -> None:
        """Break the handshake off: it takes too long."""
        self.abort()

    # --- In between -------------------------------------------------------------------------

    def _pump(self) -> None:
        """Decipher what has come, as long as somebody wants it."""
        if self._closing:  # since this was called for: there is no conversation to lead to
            return
        try:
            inner = self._inner or self._shake_hands()
            while not (self._paused or self._closing):
                inner.data_received(self._tls.recv(READ_BYTES))
        except SSL.WantReadError:
            self._flush()
            self._below.resume_reading()
        except SSL.ZeroReturnError:
            self._below.pause_reading()  # what comes now would stay here unread
            if not self.eof_received():
                self.close()
        except SSL.Error:
            self._hang_up()  # with the alert that says why

    def _shake_hands(self) -> Connection:
        """Go on with the handshake; raises WantReadError until it is over."""
        self._tls.do_handshake()
        _handshakes.count("done")
        if certificate := self._tls.get_peer_certificate():
            der = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
            self._client_certificate = der
        self._flush()
        self._front.leave(self)
        self._inner = Connection(self._front)
        self._inner.connection_made(self)
        return self._inner

    def _flush(self) -> None:
        """Hand the ciphertext down."""
        if not self._closing:
            with suppress(SSL.WantReadError):
                while True:
                    self._below.write(self._tls.bio_read(RECORD))

    def _hang_up(self) -> None:
        if not self._closing:
            self._flush()
            self._closing = True
            self._below.close()
