"""The verifiers of a closed lab: who is answered, who is refused and why, by what they show."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from support.lab import FAST, NOON
from tashika.pki.profile import Family
from tashika_server.agreements import refusals as r
from tashika_server.agreements import registry
from tashika_server.agreements.gate import Asked, Gate, Permit
from tashika_server.agreements.limits import Buckets
from tashika_server.agreements.presented import ClientCertificate, Presented
from tashika_server.agreements.terms import Environment, Method, secret_digest
from tashika_server.assembly.starting import check_start
from tashika_server.book import Book, open_book
from tashika_server.cli import main
from tashika_server.config import load_config
from tashika_server.lab import Access, LabError, Order, found_world

HERE = ip_address("127.0.0.1")
CLOSED = replace(FAST, access=Access.CLOSED)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("closed")
    found_world(directory, CLOSED, at=NOON).close()
    return directory


@pytest.fixture(scope="module")
def book(closed: Path) -> Iterator[Book]:
    book = open_book(load_config(closed / "tashika.toml").settings.book.dsn, relative_to=closed)
    yield book
    book.close()


@pytest.fixture
def gate(book: Book, tmp_path: Path) -> Iterator[Gate]:
    with book.reading() as connection:
        terms = registry.compile_terms(connection, NOON)
    buckets = Buckets(tmp_path / "limits", workers=1, monotonic=lambda: 0.0)
    yield Gate(terms, environment=Environment.PRODUCTION, buckets=buckets)
    buckets.close()


def ask(gate: Gate, shown: Presented, family: Family) -> Permit:
    asked = Asked(family, f"{family}-g3", 1)
    return gate.authorise(gate.identify(shown), asked, Method.OCSP, None, NOON)


def token(directory: Path, name: str) -> bytes:
    return secret_digest((directory / "verifiers" / name).read_text().strip())


def certificate(directory: Path, name: str) -> ClientCertificate:
    read = x509.load_pem_x509_certificate((directory / "verifiers" / name).read_bytes())
    return ClientCertificate.read(read.public_bytes(Encoding.DER))


ANSWERS = {
    "bank": (None, None),
    "ministry": (None, None),
    "platform": (None, None),
    "platform-shop": (None, None),
    "platform-clinic": (None, None),
    "association": (None, r.FamilyNotGranted),
    "association-north": (None, r.FamilyNotGranted),
    "association-south": (None, r.FamilyNotGranted),
    "broker": (r.ProvisionSuspended, r.ProvisionSuspended),
    "insurer": (r.AccreditationLapsed, r.AccreditationLapsed),
}
"""What each hears when it shows its token and asks about signature, then user authentication."""


@pytest.mark.parametrize("name", ANSWERS)
def test_each_is_answered_or_refused_by_its_own_reason(closed: Path, gate: Gate, name: str):
    shown = Presented(HERE, token(closed, f"{name}.token"))
    for family, refusal in zip(Family, ANSWERS[name], strict=False):
        if refusal is None:
            assert ask(gate, shown, family).family is family
        else:
            with pytest.raises(refusal) as refused:
                ask(gate, shown, family)
            assert type(refused.value) is refusal


def test_there_is_a_token_for_each(closed: Path):
    tokens = {path.stem for path in (closed / "verifiers").glob("*.token")}
    assert tokens == set(ANSWERS)


def test_every_other_credential_opens_too(closed: Path, gate: Gate):
    shown = {
        "bank.pem": Presented(HERE, certificate=certificate(closed, "bank.pem")),
        "bank-signer.pem": Presented(HERE, signer=certificate(closed, "bank-signer.pem")),
        "ministry.pem": Presented(HERE, certificate=certificate(closed, "ministry.pem")),
        "ministry.path-token": Presented(HERE, path_token=token(closed, "ministry.path-token")),
    }
    permits = [ask(gate, each, Family.SIGNATURE) for each in shown.values()]
    assert [each.verifier for each in permits] == ["V-000001"] * 2 + ["V-000002"] * 2


def test_tenants_are_told_apart(closed: Path, gate: Gate):
    holders = {
        ask(gate, Presented(HERE, token(closed, f"{name}.token")), Family.SIGNATURE).holder
        for name in ("platform", "platform-shop", "platform-clinic")
    }
    assert len(holders) == 3


def test_secrets_are_for_their_owner_alone(closed: Path):
    files = [*closed.glob("verifiers/*"), *closed.glob("tls/*")]
    public = {path.name for path in files if path.stat().st_mode & 0o077}
    assert public == {path.name for path in files if path.suffix in {".pem", ".txt"}}
    assert all(path.suffix in {".pem", ".txt", ".key", ".token", ".path-token"} for path in files)


def test_every_file_is_explained_beside_it(closed: Path):
    folder = closed / "verifiers"
    said = (folder / "README.txt").read_text()
    secrets = {path.name for path in folder.iterdir() if path.suffix != ".key"}
    assert {name for name in secrets if name not in said} == {"README.txt"}


def test_the_names_say_that_they_are_made_up(book: Book):
    with book.reading() as connection:
        names = [each.name for each in registry.verifiers(connection)]
    assert all(name[:2] in ("架空", "見本", "仮想", "模擬") for name in names)
    assert all(name.endswith("(simulated)") for name in names)


def test_the_configuration_is_closed_and_passes_the_checks_of_a_start(closed: Path):
    config = load_config(closed / "tashika.toml")
    check_start(config, at=NOON)
    assert config.settings.access == "closed"
    assert config.settings.tls


def test_a_book_with_verifiers_is_left_alone(closed: Path, tmp_path: Path):
    before = (closed / "book.sqlite").read_bytes()
    order = replace(CLOSED, book=f"sqlite:///{closed / 'book.sqlite'}")
    with pytest.raises(LabError, match="a book of its own"):
        found_world(tmp_path / "other", order, at=NOON)
    assert (closed / "book.sqlite").read_bytes() == before


def test_closed_is_the_default():
    assert Order().access is Access.CLOSED


def test_where_files_are_kept_verifiers_may_have_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = "--people", "1", "--municipalities", "1", "--algorithm", "p384", "--port", "0"
    assert main(["lab", "init", str(tmp_path / "world"), "--files", *words]) == 0
    assert "/v1/files/bundle" in capsys.readouterr().out
    settings = load_config(tmp_path / "world" / "tashika.toml").settings
    assert settings.files
    with (
        closing(open_book(settings.book.dsn, relative_to=tmp_path / "world")) as book,
        book.reading() as connection,
    ):
        granted = [
            {grant.method for grant in each.versions[-1].scope.grants}
            for each in registry.agreements(connection)
        ]
    assert granted == 6 * [{Method.OCSP, Method.FILE}]
