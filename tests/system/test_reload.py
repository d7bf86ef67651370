"""Reload under load: whoever asks, in whatever manner, notices nothing, and all of it is billed."""

import signal
from collections import Counter
from pathlib import Path

import pytest
from cryptography import x509

from drill.askers import Asking
from drill.drilling import Drill, found
from drill.verdict import judge
from support.callers import MANNERS, Caller
from support.lab import first
from support.scene import arrange, command
from support.service import Service, wait_until
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.profile import Family
from tashika.pki.standing import Good
from tashika_server.cli import EX_CONFIG
from tashika_server.lab import World

FIRST_SIGNER = """\
{ certificate = "signers/user-auth-g3.pem", key = "signers/user-auth-g3.key" }, """


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A world with agreements and receipts, and one worker."""
    drill = Drill(kills=0, minutes=0, seed=1, workers=1)
    return found(tmp_path / "world", "sqlite:///book.sqlite", drill)


def callers(service: Service) -> list[Caller]:
    directory = service.config.parent
    with World.open(directory) as world:
        layout = world.premises.layout
        path = layout.issuer(name := first(world, Family.USER_AUTH).issuer)
        cards = [
            one
            for one in world.certificates()
            if one.issuer == name and isinstance(world.standing(one), Good)
        ]
    issuer = IssuerIdentity.of(x509.load_pem_x509_certificate(path.read_bytes()))
    subjects = [CertId.build(issuer, one.serial, "sha256") for one in cards]
    token = (directory / "verifiers" / "bank.token").read_text().strip()
    urls = {"http": service.url, "https": service.wait_for_event("tls_listening")["url"]}
    return [
        Caller(token=token, subjects=subjects, manner=manner, url=urls[manner.scheme])
        for manner in MANNERS
    ]


def workers(service: Service) -> dict[str, int]:
    return {title: pid for title, pid in service.children().items() if title.startswith("worker")}


def test_reloads_drop_no_question_and_lose_no_record(config: Path) -> None:
    with Service(config.parent) as service:
        asking = Asking(callers(service), service.url)
        with asking:
            everybody_has_heard(asking)
            before = workers(service)

            # Another number of workers, another limit.
            arrange(config.parent, ("workers = 1", "workers = 2\nmax_cert_ids = 1"))
            assert command("tashika-server", "reload", config) == f"reloaded {config}\n"
            after = workers(service)
            assert len(after) == 2
            assert not {*after.values()} & {*before.values()}
            everybody_has_heard(asking)

            # Refused, with all that is wrong with it.
            text = config.read_text()
            arrange(config.parent, ("max_cert_ids = 1", "max_cert_ids = 0\nhung_after = '1s'"))
            said = command("tashika-server", "reload", config, code=EX_CONFIG)
            assert "responder.max_cert_ids: 0 is out of range" in said
            assert "responder.hung_after: 1s is out of range" in said
            assert workers(service) == after
            config.write_text(text)

            # Fewer workers, and another signer.
            arrange(config.parent, ("workers = 2", "workers = 1"), (FIRST_SIGNER, ""))
            service.process.send_signal(signal.SIGHUP)
            service.wait_for_event("reloaded", more_than=1)
            assert len(workers(service)) == 1
            everybody_has_heard(asking)
            assert all(each.signers[-1] != each.signers[0] for each in asking.askers)
        assert service.stop() == 0
        assert not service.events("child_ended")
        assert not service.events("child_killed")
    assert [each.troubles for each in asking.askers] == [[]] * len(asking.askers)
    verdict = judge(config, asking.askers, Counter(), seconds=0)
    assert verdict.faults == dict.fromkeys(verdict.faults, 0)
    assert verdict.journalled == verdict.counted == verdict.acknowledged
    assert not verdict.uncertain


def everybody_has_heard(asking: Asking) -> None:
    """Wait until each caller has two more answers: one may have been on its way."""
    heard = [len(each.acknowledged) for each in asking.askers]
    wait_until(
        lambda: all(
            len(each.acknowledged) > before + 1
            for each, before in zip(asking.askers, heard, strict=True)
        ),
        "an answer for everybody",
    )
