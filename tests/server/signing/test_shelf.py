"""Which signer signs, and how one takes over from another without a restart (T17)."""

import shutil
from datetime import timedelta

import pytest

from support.asking import AT, DAY, Authority, ec_key, make_issuer, rsa_key, write_signer
from tashika.pki.algorithms import (
    ECDSA_SHA256,
    ECDSA_SHA384,
    RSA_SHA256,
    RSA_SHA512,
    PrivateKey,
)
from tashika_server.refusal import NoSigner
from tashika_server.signing import Rack, Shelf

SHA1_RSA, SHA1_ECDSA = "1.2.840.113549.1.1.5", "1.2.840.10045.4.1"


@pytest.fixture(scope="module")
def ca():
    return Authority.make("JPKI for user authentication", ec_key("ca"))


class Cupboard:
    """A shelf of one issuer and the files under it."""

    def __init__(self, directory, ca, *keys: PrivateKey, end=30 * DAY) -> None:
        self.directory, self.ca = directory, ca
        self.issuer = make_issuer(ca)
        self.files = [
            write_signer(directory, ca.issue_responder(key, end=end), key, f"signer-{number}")
            for number, key in enumerate(keys)
        ]
        self.shelf = Shelf([Rack(issuer=self.issuer, files=tuple(self.files))], at=AT)

    def pick(self, *preferred: str, at=AT):
        return self.shelf.pick(self.issuer.identity.fingerprint, preferred, at=at)

    def replace(self, certificate, key, *, certificate_only=False):
        """Put a new pair in the first signer's place, as an operator would: write and rename."""
        new = write_signer(self.directory, certificate, key, "new")
        if not certificate_only:
            new.key.replace(self.files[0].key)
        new.certificate.replace(self.files[0].certificate)


@pytest.mark.parametrize(
    ("preferred", "chosen"),
    [
        ((), RSA_SHA256),
        ((RSA_SHA512.oid,), RSA_SHA512),
        ((ECDSA_SHA256.oid, RSA_SHA256.oid), ECDSA_SHA256),
        ((ECDSA_SHA384.oid,), ECDSA_SHA384),
        (("1.2.3.4", RSA_SHA512.oid), RSA_SHA512),
        (("1.2.3.4",), RSA_SHA256),
        ((SHA1_RSA, SHA1_ECDSA), RSA_SHA256),
    ],
)
def test_the_askers_preference_is_met_among_the_keys_there_are(tmp_path, ca, preferred, chosen):
    """RFC 6960 4.4.7.2; what only SHA-1 would satisfy is not met."""
    cupboard = Cupboard(tmp_path, ca, rsa_key(), ec_key("responder"))
    signer, algorithm = cupboard.pick(*preferred)
    assert algorithm == chosen
    assert algorithm in signer.algorithms


def test_t17_a_signer_does_not_outlive_its_certificate(tmp_path, ca):
    cupboard = Cupboard(tmp_path, ca, ec_key("responder"), end=DAY)
    assert cupboard.pick(at=AT + DAY - timedelta(seconds=1))
    with pytest.raises(NoSigner):
        cupboard.pick(at=AT + DAY)


def test_an_issuer_without_signers_has_none(tmp_path, ca):
    with pytest.raises(NoSigner):
        Cupboard(tmp_path, ca).pick()


def test_t24_an_unfit_signer_is_left_out_until_it_is_renewed(tmp_path, ca):
    cupboard = Cupboard(tmp_path, ca, ec_key("responder"), end=timedelta(0))
    with pytest.raises(NoSigner):
        cupboard.pick()
    key = ec_key("renewed")
    cupboard.replace(ca.issue_responder(key, end=DAY), key)
    cupboard.shelf.refresh(at=AT)
    assert cupboard.pick()[0].certificate.public_key() == key.public_key()


def test_t17_a_renewed_signer_takes_over_without_a_restart(tmp_path, ca):
    cupboard = Cupboard(tmp_path, ca, ec_key("responder"), end=DAY)
    before, _ = cupboard.pick()
    cupboard.replace(ca.issue_responder(ec_key("renewed"), end=60 * DAY), ec_key("renewed"))
    assert cupboard.pick()[0] is before
    cupboard.shelf.refresh(at=AT)
    after, _ = cupboard.pick()
    assert after.not_after == AT + 60 * DAY
    assert cupboard.pick(at=AT + 2 * DAY)[0] is after


def test_an_untouched_signer_is_not_loaded_again(tmp_path, ca):
    cupboard = Cupboard(tmp_path, ca, ec_key("responder"))
    before, _ = cupboard.pick()
    cupboard.shelf.refresh(at=AT)
    assert cupboard.pick()[0] is before


def test_t24_an_unfit_replacement_is_reported_once_and_the_old_signer_signs_on(
    tmp_path, ca, capsys
):
    cupboard = Cupboard(tmp_path, ca, ec_key("responder"))
    before, _ = cupboard.pick()
    cupboard.replace(ca.issue(ec_key("renewed")), ec_key("renewed"))
    cupboard.shelf.refresh(at=AT)
    cupboard.shelf.refresh(at=AT)
    assert cupboard.pick()[0] is before
    shown = capsys.readouterr()
    assert (shown.out + shown.err).count("signer_refused") == 1


def test_a_pair_replaced_in_two_steps_is_taken_when_whole(tmp_path, ca):
    cupboard = Cupboard(tmp_path, ca, ec_key("responder"))
    before, _ = cupboard.pick()
    renewed = ca.issue_responder(ec_key("renewed"), end=60 * DAY)
    cupboard.replace(renewed, ec_key("renewed"), certificate_only=True)
    cupboard.shelf.refresh(at=AT)
    assert cupboard.pick()[0] is before
    shutil.copy(tmp_path / "new.key", cupboard.files[0].key)
    cupboard.shelf.refresh(at=AT)
    assert cupboard.pick()[0].not_after == AT + 60 * DAY


def test_a_replacement_of_tomorrow_is_taken_tomorrow(tmp_path, ca):
    cupboard = Cupboard(tmp_path, ca, ec_key("responder"), end=2 * DAY)
    before, _ = cupboard.pick()
    cupboard.replace(
        ca.issue_responder(ec_key("renewed"), begin=DAY, end=60 * DAY), ec_key("renewed")
    )
    cupboard.shelf.refresh(at=AT)
    assert cupboard.pick()[0] is before
    cupboard.shelf.refresh(at=AT + DAY)
    assert cupboard.pick(at=AT + DAY)[0].not_after == AT + 60 * DAY


def test_a_vanished_file_keeps_the_signer(tmp_path, ca):
    cupboard = Cupboard(tmp_path, ca, ec_key("responder"))
    cupboard.files[0].key.unlink()
    cupboard.shelf.refresh(at=AT)
    assert cupboard.pick()
