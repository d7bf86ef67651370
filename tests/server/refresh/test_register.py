"""The issued register: read whole or not at all, and kept when the new one is worse."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from support.crls import NAKA
from support.refreshing import House
from tashika_server.index import RegisterMark
from tashika_server.refresh.register import Growth, RegisterRefused, read_register


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "register.txt"


def ranges(file: Path, text: str) -> list[tuple[int, int]]:
    file.write_text(text)
    register = read_register(file, None)
    assert register
    return register.ranges


def test_a_register_is_lines_of_serials_and_ranges(file: Path):
    text = f"# issued\n1-5\n\n 7 \n10-20 # a batch\r\n{2**255}\n"
    assert ranges(file, text) == [(1, 5), (7, 7), (10, 20), (2**255, 2**255)]
    assert ranges(file, "0-3\n4\n5-9") == [(0, 3), (4, 4), (5, 9)]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("x", "no serial"),
        ("-5", "no serial"),
        ("5-", "no serial"),
        ("1 2", "no serial"),
        ("0x10", "no serial"),
        ("\uff11\uff12", "no serial"),
        ("9" * 79, "no serial"),
        ("9-" + "9" * 78, "beyond"),
        ("9-8", "ascend"),
        ("5", "ascend"),
        ("3-8", "ascend"),
    ],
)
def test_a_bad_line_is_refused_by_its_number(file: Path, line: str, why: str):
    file.write_text(f"# issued\n1-5\n{line}\n", encoding="utf-8")
    with pytest.raises(RegisterRefused, match=f"line 3 .*{why}"):
        read_register(file, None)


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\x00\xff", b"\xef\xbb\xbf1-5\n"])
def test_what_is_no_register_is_refused(file: Path, content: bytes):
    file.write_bytes(content)
    with pytest.raises(RegisterRefused):
        read_register(file, None)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary() | st.text("0123456789-#\r\n ").map(str.encode))
def test_random_bytes_are_ranges_that_ascend_or_refused(file: Path, content: bytes):
    file.write_bytes(content)
    try:
        register = read_register(file, None)
    except RegisterRefused:
        return
    assert register
    flat = [edge for each in register.ranges for edge in each]
    assert flat == sorted(flat)
    assert register.mark.last == flat[-1]


def test_a_register_that_is_missing_is_refused(file: Path):
    with pytest.raises(RegisterRefused, match="No such file"):
        read_register(file, None)


def test_the_known_register_is_not_read_again(file: Path):
    file.write_text("1-5\n")
    register = read_register(file, None)
    assert register
    assert read_register(file, register.mark) is None


def test_a_register_that_was_cut_off_is_refused(file: Path):
    file.write_text("1-5\n")
    with pytest.raises(RegisterRefused, match="ends before"):
        read_register(file, RegisterMark(sha256=bytes(32), last=6))


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path, names=(NAKA,))
    house.offer_crl(NAKA, [7])
    return house


async def test_t19_a_serial_never_issued_is_told_from_one_that_was(house: House):
    await house.refresh()
    assert house.find(1).issued is None
    house.register.write_text("1-5\n7\n100-300\n65530-65540\n")
    await house.refresh()
    issued = {serial: house.find(serial).issued for serial in (0, 1, 5, 6, 7, 99, 100, 256, 300)}
    assert [serial for serial, is_issued in issued.items() if not is_issued] == [0, 6, 99]
    assert house.find(65536).issued
    assert house.find(301).issued is False
    assert house.find(2**200).issued is False
    assert house.find(2**9000).issued is False
    house.check()


async def test_a_register_that_is_refused_leaves_the_last_one(house: House):
    house.register.write_text("1-500\n")
    before = await house.refresh()
    for bad in ("", "1-499\n", "1-5\nx\n"):
        house.register.write_text(bad)
        with capture_logs() as logs:
            after = await house.refresh()
        assert after["generation"] == before["generation"]
        assert "register_refused" in [each["event"] for each in logs]
        assert house.find(500).issued


async def test_a_register_that_grows_replaces_the_last_one(house: House):
    house.register.write_text("1-500\n")
    await house.refresh()
    house.register.write_text("1-400\n450-600\n")
    await house.refresh()
    assert [house.find(serial).issued for serial in (400, 401, 449, 450, 600, 601)] == [
        True,
        False,
        False,
        True,
        True,
        False,
    ]
    house.check()


# --- Growing at the end ---------------------------------------------------------------------


@pytest.mark.parametrize("old", ["1-5\n7\n", "1-5\n7", "# all\n1-5\n7 # x", "1-5\n7\n# end\n\n#\n"])
@pytest.mark.parametrize("more", ["8-9\n", "# batch\n20\n", "8\n\n9-10\n70-77"])
def test_what_was_added_is_all_that_is_read(file: Path, old: str, more: str):
    file.write_text(old)
    known = read_register(file, None)
    assert known
    file.write_text(old + ("" if old.endswith("\n") else "\n") + more)
    grown, whole = read_register(file, known.mark), read_register(file, None)
    assert grown
    assert whole
    assert grown.growth is Growth.AT_END
    assert known.ranges + grown.ranges == whole.ranges
    assert grown.mark == whole.mark


@pytest.mark.parametrize("new", ["1-4\n7\n8\n", "1-5\n6-7\n8\n", "1-5\n7-8\n", "# x\n1-5\n7\n8\n"])
def test_a_register_that_was_changed_elsewhere_is_read_whole(file: Path, new: str):
    file.write_text("1-5\n7\n")
    known = read_register(file, None)
    assert known
    file.write_text(new)
    again = read_register(file, known.mark)
    assert again
    assert again.growth is Growth.WHOLE


def test_what_is_added_has_to_ascend_and_is_counted_from_the_first_line(file: Path):
    file.write_text("1-5\n7\n")
    known = read_register(file, None)
    assert known
    file.write_text("1-5\n7\n9\n6\n")
    with pytest.raises(RegisterRefused, match="line 4 does not ascend"):
        read_register(file, known.mark)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edges=st.lists(st.integers(0, 400), min_size=1, max_size=12, unique=True).map(sorted),
    cut=st.integers(0, 12),
    new=st.text("0123456789-#\n ", max_size=8),
)
def test_grown_or_whole_it_comes_to_the_same(file: Path, edges: list[int], cut: int, new: str):
    text = "".join(f"{each}\n" for each in edges)
    file.write_text("".join(f"{each}\n" for each in edges[: cut or 1]))
    known = read_register(file, None)
    assert known
    file.write_text(text + new)
    try:
        whole = read_register(file, None)
    except RegisterRefused:
        with pytest.raises(RegisterRefused):
            read_register(file, known.mark)
        return
    grown = read_register(file, known.mark)
    assert whole
    if grown is None:
        assert whole.mark == known.mark
    elif grown.growth is Growth.AT_END:
        assert known.ranges + grown.ranges == whole.ranges
        assert grown.mark == whole.mark
    else:
        assert grown == whole


async def test_t19_the_index_grows_by_what_was_added(house: House):
    house.register.write_text("1-500\n")
    await house.refresh()
    house.register.write_text("1-500\n501-510\n600\n")
    with capture_logs() as logs:
        await house.refresh()
    (grown,) = [each for each in logs if each["event"] == "register_grown"]
    assert grown["ranges"] == 2
    asked = 1, 500, 501, 510, 511, 599, 600, 601
    issued = [serial for serial in asked if house.find(serial).issued]
    assert issued == [1, 500, 501, 510, 600]
    house.check()


async def test_t19_a_register_that_is_configured_no_more_says_nothing(house: House):
    """Else every certificate issued since would be answered as never issued."""
    house.register.write_text("1-500\n")
    await house.refresh()
    assert house.find(501).issued is False
    house.register.unlink()
    await house.refresh()
    assert house.find(501).issued is None
    assert house.find(7).entry
    house.register.write_text("1-100\n")  # as after a register that was wrong
    await house.refresh()
    assert (house.find(100).issued, house.find(101).issued) == (True, False)
    house.check()
