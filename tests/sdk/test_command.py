"""The command ``tashika check``: words for people, JSON and exit codes for scripts."""

import io
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from support.odd_files import STRANGE, UNREADABLE, spell, strange
from support.sdk import write_pems
from tashika import Client, Deadlines
from tashika.cli import main
from tashika.cli.check import _deadlines
from tashika.testing import FakeResponder, Fault


class Shell:
    """Runs the command against one responder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.responder = FakeResponder()
        self._capsys = capsys
        self.certificate, self.issuer = write_pems(self.responder, folder)

    def run(self, *options: str) -> tuple[int, str]:
        with self.responder.serve() as url:
            files = ("--cert", self.certificate, "--issuer", self.issuer)
            code = main(["check", *files, "--url", url, *options])
        shown = self._capsys.readouterr()
        assert not shown.err
        return code, shown.out


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, capsys)


def test_good_exits_0_and_says_so_in_words(shell: Shell) -> None:
    code, text = shell.run()
    assert code == 0
    assert text.startswith("GOOD: The certificate is in force.")
    assert "source       http://127.0.0.1:" in text
    assert "data of      20" in text


def test_revoked_exits_1_and_says_when_and_why(shell: Shell) -> None:
    shell.responder.revoke(shell.responder.pki.certificate)
    code, text = shell.run()
    assert code == 1
    assert text.startswith("REVOKED: The issuer has revoked the certificate. Do not accept it;")
    assert "reason key_compromise" in text
    shell.responder.revoke(shell.responder.pki.certificate, reason=None)
    assert "reason not stated" in shell.run()[1]


def test_not_determined_exits_2_and_says_what_to_do(shell: Shell) -> None:
    shell.responder.order(Fault.TRY_LATER)
    code, text = shell.run()
    assert code == 2
    assert text.startswith("NOT DETERMINED: The responder cannot answer now")
    assert "tried        http://127.0.0.1:" in text


def test_who_is_not_answered_and_showed_nothing_is_told_how_to_show_something(
    shell: Shell, tmp_path: Path
) -> None:
    shell.responder.order(Fault.UNAUTHORIZED)
    code, text = shell.run()
    assert code == 2
    assert text.startswith("NOT DETERMINED: The responder does not answer you")
    assert "hint         nothing said who asks: give --token-file" in text
    (tmp_path / "token").write_text("tsk_x\n")
    assert "hint" not in shell.run("--token-file", str(tmp_path / "token"))[1]


def test_whoever_stops_reading_gets_neither_traceback_nor_answer(shell: Shell) -> None:
    """As `| head -1` does."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "tashika", "check", "--url", "http://127.0.0.1:9/"]
    command += ["--cert", shell.certificate, "--issuer", shell.issuer]
    done = subprocess.run(
        command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_where_nothing_can_be_written_it_is_said_and_is_no_answer(shell: Shell) -> None:
    command = [sys.executable, "-m", "tashika", "check", "--url", "http://127.0.0.1:9/"]
    command += ["--cert", shell.certificate, "--issuer", shell.issuer]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (
        74,
        "tashika: cannot say the outcome: No space left on device\n",
    )


def test_a_mistake_of_ours_is_not_called_revoked(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Client, "check", lambda *_: 1 / 0)
    files = ("--cert", shell.certificate, "--issuer", shell.issuer)
    assert main(["check", *files, "--url", "http://[::1]:9"]) == 70
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_terminal_without_its_letters_changes_no_exit_code(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    said = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(said, encoding="ascii"))
    assert shell.run("--lang", "ja", *options)[0] == 0
    text = said.getvalue().decode("ascii")
    assert json.loads(text)["meaning"] == "証明書は有効です。" if options else "\\u" in text


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_stream_that_the_caller_closed_changes_no_exit_code(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    shell.certificate = str(pile(shell, tmp_path))
    monkeypatch.setattr(sys, closed, None)
    assert shell.run()[0] == 2


def test_expired_is_not_called_revoked(shell: Shell) -> None:
    expired = shell.responder.pki.issue("Expired", ends=-timedelta(days=1))
    Path(shell.certificate).write_bytes(expired.pem)
    code, text = shell.run()
    assert code == 2
    assert text.startswith("EXPIRED: The certificate's validity has ended. Do not accept it;")


def test_the_next_url_is_asked_when_the_first_fails(shell: Shell) -> None:
    with FakeResponder(shell.responder.pki).serve() as other:
        shell.responder.order(Fault.STALE)
        code, text = shell.run("--url", other)
    assert code == 0
    assert f"source       {other}" in text
    assert "past its nextUpdate" in text


def test_json_says_the_same_to_scripts(shell: Shell) -> None:
    shell.responder.hold(shell.responder.pki.certificate)
    code, text = shell.run("--json")
    told = json.loads(text)
    assert code == 1
    assert (told["status"], told["cause"]) == ("revoked", "on_hold")
    assert told["reason"] == "certificate_hold"
    assert told["never_issued"] is False
    assert told["source"].startswith("http://127.0.0.1:")
    assert told["tried"] == []
    for name in ("at", "this_update", "next_update", "produced_at", "revoked_at"):
        assert told[name].endswith("Z")

    shell.responder.order(Fault.NO_NONCE)
    code, text = shell.run("--json")
    told = json.loads(text)
    assert code == 2
    assert [each["cause"] for each in told["tried"]] == ["nonce_missing"]
    assert told["this_update"] is told["revoked_at"] is told["reason"] is None


def test_options_reach_the_question(shell: Shell) -> None:
    shell.responder.order(Fault.NO_NONCE)
    assert shell.run("--nonce", "opportunistic")[0] == 0
    assert shell.run("--nonce", "off", "--certid-hash", "sha1", "--timeout", "30")[0] == 0


def test_a_slow_responder_is_waited_for_as_long_as_one_says() -> None:
    """`--timeout 60` would else end after the five seconds that each source has by default."""
    half, minute = timedelta(seconds=30), timedelta(seconds=60)
    usual = Deadlines()
    assert _deadlines(None, 1) == usual
    for sources, each in ((1, minute), (2, half)):
        found = _deadlines(minute, sources)
        assert (found.total, found.connect + found.read) == (minute, each)
    assert _deadlines(timedelta(seconds=1), 1).read == usual.read


def test_a_certificate_that_cannot_be_read_is_not_determined(shell: Shell) -> None:
    Path(shell.certificate).write_bytes(b"not a certificate")
    code, text = shell.run()
    assert code == 2
    assert "Pass one whole X.509 certificate, in PEM or DER." in text
    assert f"namely       {shell.certificate}: a certificate cannot be decoded" in text
    assert not shell.responder.asked


@pytest.mark.parametrize("content", [*UNREADABLE, *STRANGE])
def test_an_issuer_of_no_use_is_named(
    shell: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    ca = shell.responder.pki.ca
    odd = UNREADABLE[content] if content in UNREADABLE else strange(content, ca.certificate, ca.key)
    file = spell(tmp_path / "odd.pem", odd)
    command = [
        "check",
        "--cert",
        shell.certificate,
        "--issuer",
        str(file),
        "--url",
        "http://[::1]:9",
    ]
    if content == "a directory":
        with pytest.raises(SystemExit) as left:
            main(command)
        assert left.value.code == 64
        assert f"cannot read {file}: Is a directory" in capsys.readouterr().err
    else:
        assert main(command) == 2
        assert f"namely       {file}: " in capsys.readouterr().out


def test_an_endless_file_is_no_certificate(shell: Shell) -> None:
    shell.certificate = "/dev/zero"
    assert shell.run()[0] == 2


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (["--url", "ocsp.example.jp"], "begins with http:// or https://"),
        (["--cert", "/no/such/file"], "cannot read /no/such/file: No such file"),
        (["--nonce", "maybe"], "--nonce"),
        (["--timeout", "soon"], "is not a number of seconds"),
        (["--timeout", "0"], "above zero"),
        (["--timeout", "nan"], "is not a number of seconds"),
        (["--colour"], "--colour"),
    ],
)
def test_wrong_usage_exits_64_with_one_clear_line(
    shell: Shell, capsys: pytest.CaptureFixture[str], change: list[str], complaint: str
) -> None:
    with pytest.raises(SystemExit) as left:
        shell.run(*change)
    assert left.value.code == 64
    *usage, line = capsys.readouterr().err.splitlines()
    assert usage[0].startswith("usage: tashika")
    assert line.startswith("tashika: ")
    assert complaint in line


@pytest.mark.parametrize("words", [[], ["check"], ["frobnicate"]])
def test_an_incomplete_command_exits_64(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 64
    assert capsys.readouterr().err.startswith("usage: ")


def test_an_interrupted_check_ends_without_a_traceback(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "check", interrupted)
    files = ("--cert", shell.certificate, "--issuer", shell.issuer)
    assert main(["check", *files, "--url", "http://[::1]:9"]) == 130
    assert capsys.readouterr() == ("", "")


def test_help_tells_the_exit_codes() -> None:
    installed = str(Path(sys.executable).with_name("tashika"))
    for program in ([installed], [sys.executable, "-m", "tashika"]):
        shown = subprocess.run(
            [*program, "check", "--help"], capture_output=True, text=True, check=True, timeout=30
        )
        assert "0 good, 1 revoked, 2 not determined" in " ".join(shown.stdout.split())


def pile(shell: Shell, folder: Path) -> Path:
    """A good, a revoked and an expired certificate, and one that is none."""
    pki, people = shell.responder.pki, folder / "people"
    people.mkdir()
    revoked = pki.issue("Revoked")
    shell.responder.revoke(revoked.certificate)
    (people / "1.pem").write_bytes(pki.end_entity.pem)
    (people / "2.pem").write_bytes(revoked.pem)
    (people / "3.pem").write_bytes(pki.issue("Expired", ends=-timedelta(days=1)).pem)
    (people / "4.pem").write_bytes(b"nothing")
    (people / ".hidden").write_bytes(b"nothing")
    return people


def test_many_are_asked_about_at_once_and_each_has_its_line(shell: Shell, tmp_path: Path) -> None:
    people = pile(shell, tmp_path)
    shell.certificate = str(people)
    code, text = shell.run()
    assert (code, len(shell.responder.asked)) == (2, 1)
    lines = text.splitlines()
    assert [line.partition(": ")[0] for line in lines[:-1]] == [
        "GOOD",
        "REVOKED",
        "EXPIRED",
        "NOT DETERMINED",
    ]
    assert lines[1] == f"REVOKED: {people / '2.pem'}: The issuer has revoked the certificate."
    assert lines[-1] == "1 GOOD, 1 REVOKED, 2 NOT DETERMINED"
    code, text = shell.run("--cert", str(people / "1.pem"), str(people / "2.pem"), "--json")
    told = json.loads(text)
    assert (code, [Path(each["file"]).name for each in told]) == (1, ["1.pem", "2.pem"])
    assert [each["status"] for each in told] == ["good", "revoked"]


def test_a_directory_without_files_is_wrong_usage(
    shell: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as left:
        shell.run("--cert", str(tmp_path / "empty"))
    assert left.value.code == 64
    assert "there is no file in" in capsys.readouterr().err


def test_progress_is_told_on_a_terminal_only(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.certificate = str(pile(shell, tmp_path))
    shell.run()  # which sees that nothing was said beside the outcome
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    shell.run()
    assert terminal.getvalue() == "\r4 / 4\n"


@pytest.mark.parametrize("options", [["--lang", "ja"], ["--timeout", "soon", "--lang", "ja"]])
def test_wrong_usage_is_said_in_japanese_too(
    shell: Shell, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    shell.certificate = "/no/such/file"
    with pytest.raises(SystemExit) as left:
        shell.run(*options)
    assert left.value.code == 64
    said = capsys.readouterr().err
    assert "tashika: 使い方に誤りがあります" in said
    assert ("/no/such/file を読み取れません" in said) == ("--timeout" not in options)


def test_it_speaks_japanese_when_told(shell: Shell) -> None:
    shell.responder.revoke(shell.responder.pki.certificate)
    code, text = shell.run("--lang", "ja")
    assert code == 1
    assert text.startswith("失効: 発行者が証明書を失効させています。 受け入れず、")
    assert "  失効日時     20" in text
    shell.responder.order(Fault.TRY_LATER)
    assert "確認できず: レスポンダは今は回答できません。" in shell.run("--lang", "ja")[1]
    told = json.loads(shell.run("--lang", "ja", "--json")[1])
    assert told["remedy"] == "数分後にもう一度照会してください。"
