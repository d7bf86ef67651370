"""The shape of JPKI's certificates, as published ones have it: extensions and names.

For :mod:`tashika.testing.jpki`; written apart from the code that checks it.
"""

from collections.abc import Iterable, Mapping

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from tashika.pki import der
from tashika.pki.algorithms import PublicKey
from tashika.pki.profile import CPS_URI, UNIT, BasicItem, Family, Hierarchy

DUMMY_ITEMS: Mapping[str, str] = {
    BasicItem.NAME: "模擬\u3000花子",
    BasicItem.BIRTH: "319801231",
    BasicItem.GENDER: "2",
    BasicItem.ADDRESS: "模擬県模擬市模擬町一丁目二番",
    BasicItem.NAME_SUBSTITUTES: "00000",
    BasicItem.ADDRESS_SUBSTITUTES: "00000000000000",
}
"""The basic four items of nobody, in the order of published certificates."""

Extension = tuple[x509.ExtensionType, bool]
"""A value and its criticality."""
Items = Mapping[str, str | bytes | None]
"""By type (OID): text, or a value in DER, or None for an item left out."""

_UTF8_STRING = 0x0C
_BITS = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
_SUBJECT = {
    Family.SIGNATURE: (
        (NameOID.LOCALITY_NAME, "Sim-ken"),
        (NameOID.LOCALITY_NAME, "Sim-shi"),
        (NameOID.COMMON_NAME, "2026040112000048001123456789"),
    ),
    Family.USER_AUTH: ((NameOID.COMMON_NAME, "123456E78ABCDE48001003A"),),
}


def authority_extensions(family: Family, name: x509.Name, key: PublicKey) -> Iterable[Extension]:
    """Write the extensions of a CA's certificate, in their order."""
    yield _usage("key_cert_sign", "crl_sign"), True
    yield x509.SubjectAlternativeName([x509.DirectoryName(_in_japanese(family))]), False
    yield x509.BasicConstraints(ca=True, path_length=None), True
    yield _point(name), False
    yield x509.SubjectKeyIdentifier.from_public_key(key), False


def holder_extensions(
    family: Family,
    hierarchy: Hierarchy,
    *,
    issuer: x509.Certificate,
    key: PublicKey,
    policy: str,
    items: Items,
) -> Iterable[Extension]:
    """Write the extensions of a holder's certificate, in their order."""
    if family is Family.USER_AUTH:
        yield _usage("digital_signature"), True
        yield x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False
    else:
        yield _usage("digital_signature", "content_commitment"), True
        yield _basic_items({**DUMMY_ITEMS, **items}), False
    yield _certificate_policy(policy), True
    yield x509.IssuerAlternativeName([x509.DirectoryName(_in_japanese(family))]), False
    yield _point(_name_of_list(family, hierarchy)), False
    if family is Family.USER_AUTH:
        yield _responder_address(), False
    yield _authority_key(issuer), False
    yield x509.SubjectKeyIdentifier.from_public_key(key), False


def holder_name(family: Family) -> x509.Name:
    """Return the subject of a holder's certificate: opaque, and nobody's."""
    return _name(*_SUBJECT[family])


def _basic_items(items: Items) -> x509.SubjectAlternativeName:
    values = {oid: _value(given) for oid, given in items.items() if given is not None}
    return x509.SubjectAlternativeName(
        x509.OtherName(x509.ObjectIdentifier(oid), value) for oid, value in values.items()
    )


def _responder_address() -> x509.AuthorityInformationAccess:
    url = x509.UniformResourceIdentifier("http://ocsp.jpki-sim.invalid")
    access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, url)
    return x509.AuthorityInformationAccess([access])


def _name_of_list(family: Family, hierarchy: Hierarchy) -> x509.Name:
    return _name(
        (NameOID.ORGANIZATION_NAME, hierarchy.value),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, UNIT[family]),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "CRL Distribution Points"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "Sim-ken"),
        (NameOID.COMMON_NAME, "Sim-shi CRLDP"),
    )


def _value(given: str | bytes) -> bytes:
    return given if isinstance(given, bytes) else der.wrap(_UTF8_STRING, given.encode())


def _usage(*allowed: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{bit: bit in allowed for bit in _BITS})


def _certificate_policy(oid: str) -> x509.CertificatePolicies:
    information = x509.PolicyInformation(x509.ObjectIdentifier(oid), [CPS_URI])
    return x509.CertificatePolicies([information])


def _point(name: x509.Name) -> x509.CRLDistributionPoints:
    point = x509.DistributionPoint([x509.DirectoryName(name)], None, None, None)
    return x509.CRLDistributionPoints([point])


def _authority_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier(
        own.digest, [x509.DirectoryName(issuer.issuer)], issuer.serial_number
    )


def _in_japanese(family: Family) -> x509.Name:
    use = {Family.SIGNATURE: "署名用", Family.USER_AUTH: "利用者証明用"}[family]
    return _name(
        (NameOID.ORGANIZATION_NAME, "模擬公的個人認証サービス"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, f"公的個人認証サービス{use}"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "地方公共団体情報システム機構"),
    )


def _name(*pairs: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    everything = ((NameOID.COUNTRY_NAME, "JP"), *pairs)
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in everything])
