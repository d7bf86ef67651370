"""Questions as HTTP requests (RFC 6960 appendix A), of one verifier."""

from base64 import b64encode
from urllib.parse import quote_from_bytes

from benchmarks.load.deck import Question

__all__ = ["Envelope"]


class Envelope:
    """Writes requests to one address; keeps the heads it has written."""

    def __init__(self, host: str, path: str, *, token: str | None = None) -> None:
        lines = [f"Host: {host}", *([f"Authorization: Bearer {token}"] if token else [])]
        own = "".join(f"{line}\r\n" for line in lines)
        self._get = f"GET {path.rstrip('/')}/".encode(), f" HTTP/1.1\r\n{own}\r\n".encode()
        self._post = f"POST {path} HTTP/1.1\r\n{own}Content-Type: application/ocsp-request\r\n"
        self._heads: dict[int, bytes] = {}

    def wrap(self, question: Question, nonce: bytes) -> bytes:
        """Write the whole request."""
        body = question.der + nonce
        if question.get:
            before, after = self._get
            return before + quote_from_bytes(b64encode(body), safe="").encode() + after
        length = len(body)
        head = self._heads.get(length)
        if head is None:
            head = f"{self._post}Content-Length: {length}\r\n\r\n".encode()
            self._heads[length] = head
        return head + body
