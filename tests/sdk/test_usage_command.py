"""``tashika usage compare`` on files: exit codes, words, JSON, and files of no use."""

import json
from pathlib import Path

import pytest

from support.statements import ISSUERS, STREAMS, Papers, answer
from tashika.cli import main
from tashika.pki.receipt import LEAF_BYTES, StandingCode
from tashika.receipts import _to_line

MONTH = [answer(1), answer(2), answer(3, day=30, standing=StandingCode.REVOKED)]


class Files:
    """Papers and receipts on disk, honest until told otherwise."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self.capsys = capsys
        self.receipts = directory / "receipts"
        self.receipts.mkdir()
        lines = [_to_line(each.leaf) for each in MONTH]
        (self.receipts / "2026-04-a.receipts").write_bytes(b"".join(lines[:2]))
        (self.receipts / "2026-04-b.receipts").write_bytes(lines[2])
        self.options = Papers(MONTH).write(directory)

    def compare(self, *more: str) -> tuple[int, str]:
        code = main(["usage", "compare", *self.options, "--receipts", str(self.receipts), *more])
        return code, self.capsys.readouterr().out


@pytest.fixture
def files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Files:
    return Files(tmp_path, capsys)


def test_equal(files: Files) -> None:
    code, told = files.compare()
    assert code == 0
    assert told.startswith("EQUAL: A-000001 in 2026-04\n  answers      3 stated, 3 received\n")


def test_it_speaks_japanese_when_told(files: Files) -> None:
    _, told = files.compare("--lang", "ja")
    assert told.startswith("一致: A-000001、2026-04\n  回答         明細 3件、受領 3件\n")


def test_equal_in_json_with_counts_by_day_family_method_and_standing(files: Files) -> None:
    code, told = files.compare("--json")
    found = json.loads(told)
    assert (code, found["verdict"], found["findings"]) == (0, "equal", [])
    named = ("day", "family", "method", "standing", "stated", "received")
    families = [ISSUERS[each.leaf.issuer][0] for each in MONTH]
    expected = [
        ["2026-04-01", families[0], "ocsp", "good", 1, 1],
        ["2026-04-01", families[1], "ocsp", "good", 1, 1],
        ["2026-04-30", families[2], "ocsp", "revoked", 1, 1],
    ]
    told = [[each[name] for name in named] for each in found["counts"]]
    assert sorted(told) == sorted(expected)


def test_what_differs_is_told_with_place_and_time(files: Files) -> None:
    files.options = Papers([MONTH[0], MONTH[2]]).write(files.directory)
    code, told = files.compare()
    assert code == 1
    assert told.startswith("DIFFERS")
    assert "left-out     1 received, but not in the statement" in told
    assert f"2026-04-01T00:00:02Z good at {STREAMS[0].hex()}:2" in told
    assert "good: 0 stated, 1 received" in told
    (finding,) = json.loads(files.compare("--json")[1])["findings"]
    assert finding["difference"] == "left-out"
    assert finding["stated"] is None
    assert finding["received"]["sequence"] == 2


def test_receipts_of_another_agreement_are_let_lie_if_its_answers_are_given(files: Files) -> None:
    ours, theirs = MONTH[:2], MONTH[2:]
    other = files.directory / "other"
    other.mkdir()
    *_, answers = Papers(theirs).write(other)
    files.options = Papers(ours).write(files.directory)
    assert files.compare()[0] == 1
    assert files.compare("--others", answers)[0] == 0
    with pytest.raises(SystemExit, match="64"):
        files.compare("--others", str(other / "none"))
    # What both statements count is billed twice.
    *_, answers = Papers(MONTH[1:]).write(other)
    code, told = files.compare("--others", answers, "--json")
    assert (code, [each["difference"] for each in json.loads(told)["findings"]]) == (1, ["added"])


def test_a_few_differences_are_shown_and_the_rest_counted(files: Files) -> None:
    files.options = Papers([answer(100 + each) for each in range(30)]).write(files.directory)
    _, told = files.compare()
    assert "added        30 in the statement, but no receipt of it" in told
    assert "and 13 more: --json has them all" in told


def test_papers_of_which_nothing_can_be_told(files: Files) -> None:
    statement, answers = Path(files.options[1]), Path(files.options[3])
    whole, listed = statement.read_text(), answers.read_bytes()
    document = json.loads(whole)
    bad = [
        "{",
        "[]",
        "[" * 100_000,
        "{}",
        json.dumps(document | {"format": "tashika-statement-9"}),
        json.dumps(document | {"receipts": None}),
        json.dumps(document | {"month": "2026-13"}),
        json.dumps(document | {"month": "9999-12"}),
        json.dumps(document | {"month": 7}),
        json.dumps(document | {"lines": [{}]}),
        json.dumps(document | {"receipts": document["receipts"] | {"root": "00"}}),
        json.dumps(document | {"receipts": document["receipts"] | {"receipts": True}}),
        json.dumps(document | {"receipts": document["receipts"] | {"receipts": 4}}),
    ]
    for text in bad:
        statement.write_text(text)
        code, told = files.compare()
        assert (code, told[:11]) == (2, "CANNOT TELL"), text[:80]
    statement.write_text(whole)
    for data in (listed[:-1], listed[:-LEAF_BYTES], listed + listed, b"\x02" + listed[1:]):
        answers.write_bytes(data)
        code, told = files.compare("--json")
        assert (code, json.loads(told)["verdict"]) == (2, "cannot-tell")


def test_damaged_receipts_leave_it_open(files: Files) -> None:
    file = files.receipts / "2026-04-b.receipts"
    whole = file.read_bytes()
    file.write_bytes(whole[:-2])
    code, told = files.compare()
    assert code == 2
    assert "1 files of receipts end in half a line" in told
    file.write_bytes(b"x" + whole)
    code, told = files.compare()
    assert code == 2
    assert "2026-04-b.receipts, line 1: this is no receipt" in told


def test_a_file_that_is_not_there_is_wrong_use(files: Files) -> None:
    for place in (1, 3):
        files.options = Papers(MONTH).write(files.directory)
        files.options[place] += ".missing"
        with pytest.raises(SystemExit) as left:
            files.compare()
        assert left.value.code == 64
    with pytest.raises(SystemExit) as left:
        main(["usage", "compare"])
    assert left.value.code == 64
