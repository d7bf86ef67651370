"""From a simulated issuer to a check without a network, by the commands alone."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from support.lab import FAST, first
from tashika.cli import main as tashika
from tashika.pki.profile import Family
from tashika_server.cli import main
from tashika_server.lab import Cause, found_world
from tashika_server.ledger.keys import make_key


def test_a_set_and_a_delta_bring_a_revocation_to_a_verifier_without_a_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world_of = tmp_path / "world"
    config, key, public = (str(tmp_path / n) for n in ("world/tashika.toml", "key", "key.pub"))
    made, delta, theirs = (str(tmp_path / n) for n in ("made.tset", "2.delta", "theirs.tset"))
    make_key(Path(key))
    pem = load_pem_private_key(Path(key).read_bytes(), None).public_key()
    Path(public).write_bytes(pem.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    now = datetime.now(UTC)
    with found_world(world_of, FAST, at=now) as world:
        subject = first(world, Family.SIGNATURE)
        layout = world.premises.layout
        certificate, issuer = layout.certificate(subject), str(layout.issuer(subject.issuer))
        make = ["compact", "make", config, "--issuer", subject.issuer, "--out", made, "--key", key]
        trust = ["--issuer", issuer, "--signer", public]

        def check() -> int:
            where = ["--cert", str(certificate), *trust, "--compact", theirs]
            return tashika(["check", *where])

        assert main(["index", "build", config]) == 0
        assert main(make) == 0
        assert tashika(["compact", "install", made, theirs, *trust]) == 0
        assert check() == 0
        world.revoke(subject, Cause.KEY_COMPROMISE, at=now)
        world.publish(at=now)
        assert main(["index", "build", config]) == 0
        assert main([*make, "--delta", delta]) == 0
        assert tashika(["compact", "apply", delta, theirs, *trust]) == 0
        assert check() == 1
    assert Path(theirs).read_bytes() == Path(made).read_bytes()
    shown = capsys.readouterr()
    assert "number 2: 1 listed" in shown.out
    assert "source       file://" in shown.out
    assert tashika(["compact", "apply", delta, theirs, *trust]) == 1
    assert "tashika: wrong_base: " in capsys.readouterr().err
    assert tashika(["compact", "show", theirs, "--issuer", issuer]) == 1
    assert "tashika: signer: " in capsys.readouterr().err
    with pytest.raises(SystemExit) as wrong:
        tashika(["compact", "show", theirs, "--issuer", key])
    assert wrong.value.code == 64
    assert main(["compact", "make", config, "--issuer", "sign", "--out", made, "--key", key]) == 1
    assert "no [[issuer]] has the name sign; " in capsys.readouterr().err
