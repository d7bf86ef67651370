from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from benchmarks.answering.authority import Authority, KeyType
from benchmarks.load.deck import NONCE_BYTES, Deck, Mix, shuffle
from benchmarks.load.population import Population, Standing, read_populations, write_populations
from tashika.pki.request import parse_request

AUTHORITY = Authority.found(KeyType.P256, at=datetime(2026, 4, 1, tzinfo=UTC))
SERIALS = {Standing.GOOD: [range(2, 9, 2)], Standing.REVOKED: [range(1, 9, 2), range(100, 101)]}
POPULATION = Population(issuer=AUTHORITY.certificate, serials=SERIALS)
MIX = Mix(get=0.25, nonce=0.5, revoked=0.1, cert_ids=3, distinct=2000)


def test_a_mix_has_its_shares_and_is_the_same_for_a_seed() -> None:
    questions = shuffle(MIX, [POPULATION], seed=3)
    assert questions == shuffle(MIX, [POPULATION], seed=3)
    assert questions != shuffle(MIX, [POPULATION], seed=4)
    asked = [one for each in questions for one in each.asked]
    revoked = sum(one.standing is Standing.REVOKED for one in asked)
    assert sum(each.get for each in questions) == pytest.approx(500, rel=0.2)
    assert sum(each.nonced for each in questions) == pytest.approx(1000, rel=0.2)
    assert revoked == pytest.approx(600, rel=0.2)
    for one in asked:
        assert any(one.cert_id.serial in each for each in SERIALS[one.standing])


def test_what_is_sent_is_the_question_with_a_nonce_that_never_comes_again() -> None:
    deck = Deck(shuffle(replace(MIX, distinct=10), [POPULATION], seed=1))
    nonces = []
    for _ in range(100):
        question, nonce = deck.draw()
        request = parse_request(question.der + nonce)
        assert request.cert_ids == tuple(one.cert_id for one in question.asked)
        assert (request.nonce or b"") == nonce
        assert len(nonce) == NONCE_BYTES * question.nonced
        nonces += [nonce] * question.nonced
    assert len(set(nonces)) == len(nonces) > 0


def test_a_standing_that_nobody_has_cannot_be_asked_about() -> None:
    with pytest.raises(ValueError, match="unknown"):
        shuffle(replace(MIX, unknown=0.9), [POPULATION], seed=1)


def test_a_population_is_read_as_it_was_written(tmp_path: Path) -> None:
    tmp_path.joinpath("ca.pem").write_bytes(AUTHORITY.certificate.public_bytes(Encoding.PEM))
    write_populations(tmp_path / "file.json", {"ca.pem": SERIALS})
    (read,) = read_populations(tmp_path / "file.json")
    assert read.identity == POPULATION.identity
    assert {name: ranges for name, ranges in read.serials.items() if ranges} == SERIALS
