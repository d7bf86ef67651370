"""A feed of CRLs over HTTP that a test owns: it sees every request, and can be broken."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Feed:
    """Serves the files below `root` with an ETag; `statuses` is what it has answered."""

    root: Path
    url: str = ""
    statuses: list[int] = field(default_factory=list)

    def answer(self, path: str, tag: str | None) -> tuple[int, str, bytes]:
        """Return status, ETag and body."""
        try:
            body = (self.root / path.lstrip("/")).read_bytes()
        except FileNotFoundError:
            return HTTPStatus.NOT_FOUND, '""', b""
        current = f'"{sha256(body).hexdigest()}"'
        if tag == current:
            return HTTPStatus.NOT_MODIFIED, current, b""
        return HTTPStatus.OK, current, body


@contextmanager
def feeding(root: Path) -> Iterator[Feed]:
    """Serve the tree below `root` on a port of loopback."""
    feed = Feed(root)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, tag, body = feed.answer(self.path, self.headers["If-None-Match"])
            feed.statuses.append(status)
            self.send_response(status)
            self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        feed.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield feed
        finally:
            server.shutdown()
            thread.join()
