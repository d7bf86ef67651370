"""A configuration that is not in order starts nothing, and says in one line what to do."""

from pathlib import Path

import pytest

from support.scene import arrange, command
from tashika_server.cli import EX_CONFIG, main

SIGNER = 'key = "signers/user-auth-g3.key"'
FAULTS = {
    "a typing error": (
        ("[responder]\nlisten", "[responder]\nworkrs = 2\nlisten"),
        'responder.workrs: is not a known key; did you mean "workers"?',
    ),
    "let in from anywhere": (
        ('[responder]\nlisten = "127.0.0.1:0"', '[responder]\nlisten = "0.0.0.0:0"'),
        "responder.listen: ",
    ),
    "another's key": ((SIGNER, SIGNER.replace("g3", "g2")), "is not the key of the certificate"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_t24_neither_serve_nor_check_accepts_it(
    lab: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change, expected = FAULTS[fault]
    arrange(lab, change)
    config = lab / "tashika.toml"
    before = sorted(lab.rglob("*"))
    said = command("tashika-server", "serve", config, code=EX_CONFIG)
    assert said.startswith(f"tashika-server: {config}: ")
    assert expected in said
    assert said.count("\n") == 1
    assert sorted(lab.rglob("*")) == before

    assert main(["config", "check", str(config)]) == EX_CONFIG
    assert capsys.readouterr() == ("", said)
