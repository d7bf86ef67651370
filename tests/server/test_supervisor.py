"""The service as processes: whatever is killed, it answers again, and nothing is left behind."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.service import PATIENCE, Service, is_alive, make_lab
from tashika_server.config import Address
from tashika_server.supervisor import StartRefused, lock, post
from tashika_server.supervisor.ears import listen


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """Two workers, so that one can be killed while the other answers."""
    config = make_lab(tmp_path) / "tashika.toml"
    config.write_text(config.read_text().replace("workers = 1", 'workers = 2\nhung_after = "1h"'))
    return tmp_path


TITLES = {"lab", "refresher", "worker-1", "worker-2"}


def is_healthy(service: Service) -> bool:
    connection = HTTPConnection(urlsplit(service.url).netloc, timeout=PATIENCE)
    connection.request("GET", "/healthz")
    status = connection.getresponse().status
    connection.close()
    return status == HTTPStatus.OK


def pids_of(service: Service) -> tuple[int, int]:
    return service.process.pid, service.children()["refresher"]


def test_it_starts_its_processes_warns_loudly_and_stops_in_order(lab) -> None:
    with Service(lab) as service:
        assert set(service.children()) == TITLES
        assert is_healthy(service)
        own, refresher = (os.getpriority(os.PRIO_PROCESS, each) for each in pids_of(service))
        assert refresher == min(19, own + 10)
        # One that stands still takes no new caller from the others.
        stopped = service.children()["worker-1"]
        os.kill(stopped, signal.SIGSTOP)
        assert all(is_healthy(service) for _ in range(5))
        os.kill(stopped, signal.SIGCONT)
        assert service.children()["worker-1"] == stopped
        assert service.events("access_open_to_anyone")
        assert '*** access = "open"' in service.log.read_text()
        assert service.stop() == 0
        assert service.children() == {}
        assert service.wait_for_event("service_stopped")
        assert not service.events("child_killed")


def test_a_killed_child_is_replaced_by_what_the_start_accepted_and_ctrl_c_ends_it(lab) -> None:
    with Service(lab) as service:
        service.config.write_text("this is = not TOML = at all")
        for title in sorted(TITLES):
            killed = service.kill(title)
            assert service.wait_for_successor(title, of=killed) != killed
            assert is_healthy(service)
        assert [end["code"] for end in service.events("child_ended")] == [-signal.SIGKILL] * 4
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(PATIENCE) == 0


def test_orphans_end_with_a_killed_supervisor_and_a_new_one_starts_at_once(lab) -> None:
    with Service(lab) as first:
        orphans = first.children()
        fix_port(first)
        first.kill("supervisor")
        with Service(lab) as second:
            assert second.url == first.url
            assert not any(map(is_alive, orphans.values()))
            assert is_healthy(second)
    assert set(orphans) == TITLES


def fix_port(service: Service) -> None:
    text = service.config.read_text()
    listen = 'listen = "{}"\nworkers'
    address = urlsplit(service.url).netloc
    service.config.write_text(text.replace(listen.format("127.0.0.1:0"), listen.format(address)))
    assert address in service.config.read_text()


def test_a_child_that_keeps_ending_is_started_more_slowly() -> None:
    pauses = [post._pause(short_lives) for short_lives in range(1, 20)]
    assert pauses[:4] == [0.0, 0.25, 0.5, 1.0]
    assert pauses[-1] == post.MAX_PAUSE
    assert pauses == sorted(pauses)


# --- What stands in the way of a start -----------------------------------------------------------


def test_a_second_service_on_the_same_directory_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(lock, "LOCK_SECONDS", 0.2)
    held = os.open(tmp_path / "serve.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    with pytest.raises(StartRefused, match="another serve runs"):
        lock.take_lock(tmp_path)
    os.close(held)
    os.close(lock.take_lock(tmp_path))


def test_a_folder_that_cannot_be_made_is_refused(tmp_path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(StartRefused, match="set run to a folder"):
        lock.take_lock(tmp_path / "run" / "below")


def test_a_port_in_use_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartRefused, match=f"127.0.0.1:{port}: Address already"):
            listen(Address("127.0.0.1", port))


def test_a_child_without_its_supervisor_does_not_start(lab) -> None:
    command = (sys.executable, "-m", "tashika_server", "process", "worker")
    done = subprocess.run(
        [*command, str(lab / "tashika.toml"), "--title=worker-1"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 1
    assert "the supervisor is gone" in done.stderr
