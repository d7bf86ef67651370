"""nginx: as many octets as one of our answers has, from memory and from a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.peers.process import find, free_port, listens, running

__all__ = ["LACKS", "server"]

REMEDY = "get it with: apt-get install nginx-light"
LACKS = "no OCSP, no authorisation, no metering: the same octets whatever is asked"


@contextmanager
def server(directory: Path, answer: bytes, *, core: int) -> Iterator[tuple[str, int]]:
    """Run nginx with one worker; gives its address and process.

    `/memory` is answered with `return`, `/file` from a file with the answer's own octets. In a
    configuration not every octet can be written, so `return` has letters, as many.
    """
    home, port = directory / "nginx", free_port()
    home.mkdir()
    home.joinpath("file").write_bytes(answer)
    text = _CONFIGURATION.format(home=home, port=port, letters="a" * len(answer))
    home.joinpath("nginx.conf").write_text(text)
    command = [find("nginx", REMEDY), "-p", home, "-c", home / "nginx.conf", "-e", home / "errors"]
    ready = partial(listens, port)
    with running(command, core=core, log=home / "log", ready=ready) as process:
        yield f"http://127.0.0.1:{port}", process


_CONFIGURATION = """\
daemon off;
master_process off;
pid {home}/pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    open_file_cache max=10;
    default_type application/ocsp-response;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location = /memory {{ return 200 "{letters}"; }}
        location = /file {{ root {home}; }}
    }}
}}
"""
