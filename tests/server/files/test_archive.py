"""The archive keeps every CRL as it came, through kills and full disks, and can prove it."""

import os
import resource
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from support.crls import AT, DAY, NAKA, NISHI, Ca
from support.dying import run
from tashika_server.files import archive as archive_module
from tashika_server.files.archive import Archive
from tashika_server.files.catalog import Catalog
from tashika_server.files.errors import ArchiveFailed, FileDamaged, FileUnknown
from tashika_server.files.facts import Facts, Kept, Kind
from tashika_server.files.verifying import Fault, verify

ISSUER = b"i" * 32


def crl(directory: Path, number: int, *, listed: int = 5, base: int | None = None) -> Path:
    """Spool a CRL, the same one each time: no two signatures are alike."""
    spooled, when = directory / f"{number}.crl", AT + number * timedelta(hours=1)
    if not spooled.exists():
        body = Ca.found().crl(
            range(listed),
            number=number,
            base=base,
            scope=NAKA,
            this_update=when,
            next_update=when + DAY,
        )
        spooled.write_bytes(body)
    return spooled


def facts(body: bytes, number: int, *, base: int | None = None, partition: str = NAKA) -> Facts:
    when = AT + number * timedelta(hours=1)
    return Facts(
        kind=Kind.CRL if base is None else Kind.DELTA,
        issuer=ISSUER,
        partition=partition,
        number=number,
        base=base,
        this_update=when,
        next_update=when + DAY,
        sha256=sha256(body).digest(),
    )


def keep(archive: Archive, number: int, *, base: int | None = None) -> bytes:
    """Keep a CRL that came an hour after it was made."""
    spooled = crl(archive._directory, number, base=base)
    body = spooled.read_bytes()
    at = AT + (number + 1) * timedelta(hours=1)
    archive.keep(facts(body, number, base=base), spooled, at=at)
    return body


def read(archive: Archive, file: Kept) -> bytes:
    return b"".join(archive.content(file))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive.open(tmp_path)


def test_a_file_comes_out_as_it_went_in(archive: Archive):
    body = keep(archive, 1)
    file = archive.find(sha256(body).digest())
    assert read(archive, file) == body
    assert (file.number, file.size, file.received_at) == (1, len(body), AT + timedelta(hours=2))
    assert archive.packed(file).stat().st_size < len(body)


def test_what_is_kept_already_is_not_kept_twice_and_keeps_its_time(archive: Archive):
    body = keep(archive, 1)
    before = archive.catalog.of(ISSUER, NAKA)
    archive.keep(facts(body, 1), crl(archive._directory, 1), at=AT + 9 * DAY)
    assert archive.catalog.of(ISSUER, NAKA) == before


def test_a_file_that_is_not_the_accepted_one_is_not_kept(archive: Archive):
    spooled = crl(archive._directory, 1)
    accepted = facts(spooled.read_bytes(), 1)
    spooled.write_bytes(b"another")
    with pytest.raises(ArchiveFailed, match="has changed"):
        archive.keep(accepted, spooled, at=AT)
    assert archive.catalog.of(ISSUER, NAKA) == []
    assert list((archive._directory / "incoming").iterdir()) == []


def test_what_was_never_kept_is_unknown(archive: Archive):
    with pytest.raises(FileUnknown, match="never kept"):
        archive.find(bytes(32))


def test_what_was_known_at_a_moment_is_the_crl_of_then_with_its_deltas(archive: Archive):
    for number, base in ((1, None), (2, 1), (3, 1), (4, None)):
        keep(archive, number, base=base)

    def known(hours: int) -> list[int]:
        at = AT + timedelta(hours=hours)
        return [each.number for each in archive.catalog.known(ISSUER, NAKA, at)]

    # Number n came at hour n + 1; that instant itself counts.
    assert [known(hours) for hours in range(1, 7)] == [[], [1], [1, 2], [1, 2, 3], [4], [4]]
    assert archive.catalog.known(ISSUER, NISHI, AT + DAY) == ()


def test_the_archive_is_for_its_owner_and_group_alone(tmp_path: Path):
    archive = Archive.open(tmp_path / "archive")
    assert archive._directory.stat().st_mode & 0o007 == 0


# --- Verifying ----------------------------------------------------------------------------------


def test_an_archive_in_order_has_nothing_to_find(archive: Archive):
    for number in (1, 2):
        keep(archive, number)
    assert list(verify(archive)) == []


def spoil(archive: Archive, file: Kept, spoiled: bytes | None) -> None:
    path = archive.packed(file)
    path.unlink() if spoiled is None else path.write_bytes(spoiled)


def test_a_flipped_bit_never_gives_another_file(archive: Archive):
    body = keep(archive, 1)
    file = archive.find(sha256(body).digest())
    whole = archive.packed(file).read_bytes()
    for at in range(0, len(whole) * 8, 29):
        octets = bytearray(whole)
        octets[at // 8] ^= 1 << at % 8
        archive.packed(file).write_bytes(octets)
        # A bit of the frame's header may leave the content as it is.
        with suppress(FileDamaged):
            assert read(archive, file) == body


@pytest.mark.parametrize(
    ("spoiled", "fault"),
    [(None, Fault.MISSING), (b"rubbish", Fault.DAMAGED), (b"", Fault.DAMAGED)],
)
def test_a_file_that_is_lost_or_spoiled_is_found(
    archive: Archive, spoiled: bytes | None, fault: Fault
):
    body = keep(archive, 1)
    file = archive.find(sha256(body).digest())
    spoil(archive, file, spoiled)
    assert [(each.file, each.fault) for each in verify(archive)] == [(file, fault)]
    with pytest.raises(FileDamaged):
        read(archive, file)


def test_a_content_cut_short_or_exchanged_is_damaged(archive: Archive):
    first, second = keep(archive, 1), keep(archive, 2)
    one, two = (archive.find(sha256(each).digest()) for each in (first, second))
    spoil(archive, one, archive.packed(two).read_bytes())
    spoil(archive, two, archive.packed(two).read_bytes()[:-9])
    assert [each.fault for each in verify(archive)] == [Fault.DAMAGED, Fault.DAMAGED]


def test_a_row_that_says_something_else_than_its_crl_is_found(archive: Archive):
    spooled = crl(archive._directory, 1)
    wrong = replace(facts(spooled.read_bytes(), 1), next_update=AT + 9 * DAY)
    archive.keep(wrong, spooled, at=AT)
    assert [each.fault for each in verify(archive)] == [Fault.DISAGREES]


def test_a_number_that_falls_is_found(archive: Archive):
    for number in (2, 1):
        keep(archive, number)
    assert [each.fault for each in verify(archive)] == [Fault.ORDER]


# --- The end of the process, at every step ------------------------------------------------------

STEPS: dict[str, tuple[Any, str]] = {
    "packed": (archive_module, "pack"),
    "synced": (os, "fsync"),
    "named": (archive_module, "_put"),
    "catalogued": (Catalog, "add"),
}
KEPT = {("catalogued", "after")}
"""Where, and whether before or after it: the commit of the row decides."""


def keep_until(directory: Path, step: str, when: str) -> None:
    """Keep a second CRL, and die by SIGKILL before or after a step."""
    owner, name = STEPS[step]
    real = getattr(owner, name)

    def broken(*args: Any, **named: Any) -> Any:
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        real(*args, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    archive = Archive.open(directory)
    setattr(owner, name, broken)
    keep(archive, 2)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_any_step_has_kept_the_file_or_not(archive: Archive, step: str, when: str):
    first = keep(archive, 1)
    crl(archive._directory, 2)
    assert run(keep_until, archive._directory, step, when) == -signal.SIGKILL
    again = Archive.open(archive._directory)
    again.sweep()
    expected = [1, 2] if (step, when) in KEPT else [1]
    assert [each.number for each in again.catalog.of(ISSUER, NAKA)] == expected
    assert list(verify(again)) == []
    second = keep(again, 2)
    assert [read(again, each) for each in again.catalog.of(ISSUER, NAKA)] == [first, second]
    assert list((archive._directory / "incoming").iterdir()) == []


def test_what_another_process_is_writing_is_left_to_it(archive: Archive):
    """The refresher is replaced while a compact set is being kept."""
    incoming = archive._directory / "incoming"
    names = {"1-lives": True, f"{os.getpid()}-ours": False, "99999999-gone": False, "x": False}
    for name in names:
        (incoming / name).touch()
    archive.sweep()
    assert {name: (incoming / name).exists() for name in names} == names


def keep_with_room(directory: Path, octets: int) -> None:
    archive = Archive.open(directory)
    spooled = crl(directory, 2, listed=4000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, resource.RLIM_INFINITY))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        archive.keep(facts(spooled.read_bytes(), 2), spooled, at=AT)
    except ArchiveFailed:
        sys.exit(75)


def test_a_full_disk_is_said_and_leaves_what_there_was(archive: Archive):
    keep(archive, 1)
    assert run(keep_with_room, archive._directory, 8192) == 75
    assert [each.number for each in archive.catalog.of(ISSUER, NAKA)] == [1]
    assert list(verify(archive)) == []
    assert list((archive._directory / "incoming").iterdir()) == []
