"""The secret of all pseudonyms: made once, whoever starts first."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from tashika.pki.pseudonym import KEY_BYTES
from tashika_server.metering import master_key
from tashika_server.metering.master_key import BadMasterKey, ensure_master_key


def test_all_who_start_at_once_end_with_one_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has found that there is no file before any of them writes."""
    path, together = tmp_path / "metering.key", Barrier(6)
    write_once = master_key.write_once

    def write_together(*where: object, **how: int) -> None:
        together.wait(10)
        write_once(*where, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(master_key, "write_once", write_together)
    with ThreadPoolExecutor(6) as pool:
        keys = set(pool.map(ensure_master_key, [path] * 6))
    assert keys == {path.read_bytes()}
    assert len(path.read_bytes()) == KEY_BYTES
    assert path.stat().st_mode & 0o777 == 0o600
    assert [*tmp_path.iterdir()] == [path]


def test_a_key_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "metering.key"
    key = ensure_master_key(path)
    assert ensure_master_key(path) == key


def test_where_no_file_can_be_made_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadMasterKey, match=r"metering\.key: .*; name a file"):
        ensure_master_key(tmp_path / "none" / "metering.key")
