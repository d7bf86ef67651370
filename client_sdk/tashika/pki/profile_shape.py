"""What JPKI writes into certificates: names and extensions, as published ones have them.

For those who simulate an issuer: tashika.testing and the server's lab. What checks
certificates does not use it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from tashika.pki import der
from tashika.pki.algorithms import PublicKey
from tashika.pki.profile import UNIT, Family, Hierarchy, name_in_japan

Extension = tuple[x509.ExtensionType, bool]
"""A value and its criticality."""
Items = Mapping[str, str | bytes]
"""otherNames by type (OID), in the order they are written: text, or a value in DER."""

SIMULATED_CPS_URI = "http://cps.jpki-sim.invalid/cps.html"
_UTF8_STRING = 0x0C
_UNIT_IN_JAPANESE = {
    Family.SIGNATURE: "公的個人認証サービス署名用",
    Family.USER_AUTH: "公的個人認証サービス利用者証明用",
}
KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)
"""Those that stand alone (RFC 5280 4.2.1.3), by pyca's names."""
_BITS = (*KEY_USAGES, "encipher_only", "decipher_only")


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What one simulated issuer writes into one certificate, besides its keys."""

    family: Family
    policy: str
    """The OID of the certificate policy."""
    cps: str
    issuer_in_japanese: x509.Name
    list_name: x509.Name
    """Of the CRL that would list the certificate."""
    responder_url: str
    """The OCSP address, in user-authentication certificates alone."""
    items: Items
    """The basic four items, in signature certificates alone (Act art. 26)."""


def simulated_name_in_japanese(family: Family) -> x509.Name:
    """Return the alternative name of a simulated CA, also the issuerAltName of what it issues."""
    return name_in_japan(
        (NameOID.ORGANIZATION_NAME, "模擬公的個人認証サービス"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, _UNIT_IN_JAPANESE[family]),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "地方公共団体情報システム機構"),
    )


def list_name(
    family: Family, hierarchy: Hierarchy, prefecture: str, municipality: str
) -> x509.Name:
    """Return the name of the CRL for what a municipality issued."""
    return name_in_japan(
        (NameOID.ORGANIZATION_NAME, hierarchy.value),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, UNIT[family]),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "CRL Distribution Points"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, prefecture),
        (NameOID.COMMON_NAME, f"{municipality} CRLDP"),
    )


def authority_extensions(
    name: x509.Name, in_japanese: x509.Name, key: PublicKey
) -> Iterator[Extension]:
    """Write the extensions of a CA's own certificate: no AKI, no policies."""
    yield key_usage("key_cert_sign", "crl_sign"), True
    yield x509.SubjectAlternativeName([x509.DirectoryName(in_japanese)]), False
    yield x509.BasicConstraints(ca=True, path_length=None), True
    yield _point_named(name), False
    yield x509.SubjectKeyIdentifier.from_public_key(key), False


def holder_extensions(issue: Issue) -> Iterator[Extension]:
    """Write the extensions of a holder's certificate, all before the key identifiers."""
    if issue.family is Family.SIGNATURE:
        # No extended key usage and no OCSP address in this family.
        yield key_usage("digital_signature", "content_commitment"), True
        yield _other_names(issue.items), False
    else:
        yield key_usage("digital_signature"), True
        yield x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False
    policy = x509.PolicyInformation(x509.ObjectIdentifier(issue.policy), [issue.cps])
    yield x509.CertificatePolicies([policy]), True
    yield x509.IssuerAlternativeName([x509.DirectoryName(issue.issuer_in_japanese)]), False
    yield _point_named(issue.list_name), False
    if issue.family is Family.USER_AUTH:
        url = x509.UniformResourceIdentifier(issue.responder_url)
        access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, url)
        yield x509.AuthorityInformationAccess([access]), False


def key_identifiers(issuer: x509.Certificate, key: PublicKey) -> Iterator[Extension]:
    """Write AKI, by key id, name and serial together (the name fits every generation), and SKI."""
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    names = [x509.DirectoryName(issuer.issuer)]
    yield x509.AuthorityKeyIdentifier(own.digest, names, issuer.serial_number), False
    yield x509.SubjectKeyIdentifier.from_public_key(key), False


def key_usage(*allowed: str) -> x509.KeyUsage:
    """Return a key usage with these bits and no others."""
    return x509.KeyUsage(**{bit: bit in allowed for bit in _BITS})


def extended(
    builder: x509.CertificateBuilder, extensions: Iterable[Extension]
) -> x509.CertificateBuilder:
    """Add extensions in their order."""
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder


def _point_named(name: x509.Name) -> x509.CRLDistributionPoints:
    """By directory name: no reasons, no CRL issuer, no URI."""
    point = x509.DistributionPoint([x509.DirectoryName(name)], None, None, None)
    return x509.CRLDistributionPoints([point])


def _other_names(items: Items) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        x509.OtherName(
            x509.ObjectIdentifier(oid),
            given if isinstance(given, bytes) else der.wrap(_UTF8_STRING, given.encode()),
        )
        for oid, given in items.items()
    )
