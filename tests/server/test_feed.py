"""The form of a push feed's messages, read with nothing of ours, and forged in every way."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from hypothesis import given
from hypothesis import strategies as st

from support.crls import AT
from support.pushing import KEY, news, released, revoked
from tashika.pki.errors import PkiError
from tashika_server.feed import FIRST_PREVIOUS, Message, message_digest, open_message, sign_message

MESSAGE = Message(
    issuer="ab" * 32,
    sequence=7,
    previous=FIRST_PREVIOUS,
    this_update=AT,
    next_update=AT + timedelta(minutes=5),
    partitions=(news(revoked(2**159, invalid_since=AT), released(10), entries=3),),
)


def encoded(value: Any) -> bytes:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def decoded(part: bytes) -> bytes:
    return urlsafe_b64decode(part + b"==")


@pytest.mark.parametrize(
    ("curve", "algorithm", "digest"),
    [
        (ec.SECP256R1(), "ES256", SHA256()),
        (ec.SECP384R1(), "ES384", SHA384()),
        (ec.SECP521R1(), "ES512", SHA512()),
    ],
)
def test_a_message_is_a_jws_as_the_page_says(curve: Any, algorithm: str, digest: Any):
    key = ec.generate_private_key(curve)
    line = sign_message(MESSAGE, key)
    head, payload, signature = line.split(b".")
    assert json.loads(decoded(head)) == {"alg": algorithm, "typ": "tashika-feed-1"}
    raw = decoded(signature)
    numbers = (int.from_bytes(raw[: len(raw) // 2]), int.from_bytes(raw[len(raw) // 2 :]))
    key.public_key().verify(encode_dss_signature(*numbers), head + b"." + payload, ec.ECDSA(digest))
    said = json.loads(decoded(payload))
    (partition,) = said.pop("partitions")
    assert said == {
        "issuer": "ab" * 32,
        "sequence": 7,
        "previous": "00" * 32,
        "this_update": "2026-04-01T03:00:00Z",
        "next_update": "2026-04-01T03:05:00Z",
    }
    assert partition["events"] == [
        {
            "what": "revoked",
            "serial": f"{2**159:x}",
            "at": "2026-04-01T03:00:00Z",
            "reason": 1,
            "invalid_since": "2026-04-01T03:00:00Z",
        },
        {"what": "released", "serial": "a"},
    ]
    assert open_message(line, key.public_key()) == MESSAGE


def test_another_signature_of_the_same_content_is_the_same_message():
    one, other = sign_message(MESSAGE, KEY), sign_message(MESSAGE, KEY)
    assert one != other
    assert message_digest(one) == message_digest(other)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "typ": "tashika-feed-1"},
        {"alg": "ES384", "typ": "tashika-feed-1"},
        {"alg": "HS256", "typ": "tashika-feed-1"},
        {"alg": "ES256"},
        {"alg": "ES256", "typ": "tashika-feed-1", "jwk": {}},
        [],
    ],
)
def test_whoever_sends_a_message_does_not_choose_how_it_is_checked(header: Any):
    _, payload, signature = sign_message(MESSAGE, KEY).split(b".")
    with pytest.raises(PkiError, match="header"):
        open_message(b".".join((encoded(header), payload, signature)), KEY.public_key())


def test_a_message_names_a_partition_once():
    _, payload, _ = sign_message(MESSAGE, KEY).split(b".")
    said = json.loads(decoded(payload))
    said["partitions"] *= 2
    signed = encoded({"alg": "ES256", "typ": "tashika-feed-1"}) + b"." + encoded(said)
    numbers = decode_dss_signature(KEY.sign(signed, ec.ECDSA(SHA256())))
    signature = urlsafe_b64encode(b"".join(each.to_bytes(32) for each in numbers)).rstrip(b"=")
    with pytest.raises(PkiError, match="not a message"):
        open_message(signed + b"." + signature, KEY.public_key())


@given(st.binary(max_size=60), st.integers(0, 400))
def test_no_octets_bring_anything_but_a_named_refusal(octets: bytes, place: int):
    line = bytearray(sign_message(MESSAGE, KEY))
    line[place : place + len(octets)] = octets
    for wrong in (octets, bytes(line)):
        try:
            assert open_message(wrong, KEY.public_key()) == MESSAGE
        except PkiError:
            continue
