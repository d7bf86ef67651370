"""JPKI's two CAs made on the spot: certificates of every family, medium and generation.

The shape (names, string types, order and criticality of extensions) is that of
published certificates; the holder is nobody. `O=JPKI-SIM` and policies of our own
mark them, unless a test asks for another hierarchy to see it refused or read.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tashika.errors import WrongUse
from tashika.pki.profile import (
    CONFIRMED_POLICIES,
    REPORTED_POLICIES,
    UNIT,
    BasicItem,
    Family,
    Hierarchy,
    Medium,
    authority_name,
    name_in_japan,
)
from tashika.pki.profile_shape import (
    SIMULATED_CPS_URI,
    Extension,
    Issue,
    authority_extensions,
    extended,
    holder_extensions,
    key_identifiers,
    list_name,
    simulated_name_in_japanese,
)
from tashika.testing.pki import KeyPair, PrivateKey

DUMMY_ITEMS: Mapping[str, str] = {
    BasicItem.NAME: "模擬\u3000花子",
    BasicItem.BIRTH: "319801231",
    BasicItem.GENDER: "2",
    BasicItem.ADDRESS: "模擬県模擬市模擬町一丁目二番",
    BasicItem.NAME_SUBSTITUTES: "00000",
    BasicItem.ADDRESS_SUBSTITUTES: "00000000000000",
}
"""The basic four items of nobody, in the order of published certificates."""

Extensions = Mapping[type[x509.ExtensionType], Extension | None]
FIRST_SERIAL = 30_000_001
"""Serial numbers are small and follow one another, as the real ones do."""

_YEAR, _MONTH = timedelta(days=365), timedelta(days=30)
_SUBJECT = {
    Family.SIGNATURE: (
        (NameOID.LOCALITY_NAME, "Sim-ken"),
        (NameOID.LOCALITY_NAME, "Sim-shi"),
        (NameOID.COMMON_NAME, "2026040112000048001123456789"),
    ),
    Family.USER_AUTH: ((NameOID.COMMON_NAME, "123456E78ABCDE48001003A"),),
}
_POLICIES = {
    (each.family, each.medium, each.hierarchy): each.oid
    for each in (*CONFIRMED_POLICIES, *REPORTED_POLICIES)
}


class Jpki:
    """Both CAs with their key generations, the newest last; for tests of a relying party.

    ``JpkiProfile(generations=jpki.generations, hierarchy=jpki.hierarchy)`` accepts
    what it issues. Keys are P-256 unless told otherwise: RSA keys take time.
    Another Jpki has CAs of the same names: an impostor's.
    """

    def __init__(
        self,
        *,
        at: datetime | None = None,
        hierarchy: Hierarchy = Hierarchy.SIMULATED,
        generations: int = 3,
        new_key: Callable[[], PrivateKey] = lambda: ec.generate_private_key(ec.SECP256R1()),
    ) -> None:
        self.at = at or datetime.now(UTC)
        self.hierarchy = hierarchy
        self._new_key = new_key
        self._serials = count(FIRST_SERIAL)
        self._authorities = {
            family: [self._authority(family, age * _YEAR) for age in range(generations, 0, -1)]
            for family in UNIT
        }

    @property
    def generations(self) -> tuple[x509.Certificate, ...]:
        """The certificates of both CAs, for a profile to trust."""
        return tuple(ca.certificate for cas in self._authorities.values() for ca in cas)

    def authority(self, family: Family, generation: int = -1) -> KeyPair:
        """Return one key generation of a CA by its place: the newest unless told otherwise."""
        return self._authorities[family][generation]

    def issue(
        self,
        family: Family,
        *,
        medium: Medium = Medium.CARD,
        generation: int = -1,
        policy: str | None = None,
        items: Mapping[str, str | bytes | None] | None = None,
        instead: Extensions | None = None,
        begins: timedelta = -_MONTH,
        ends: timedelta = 4 * _YEAR,
    ) -> KeyPair:
        """Issue a certificate; the defaults make a right one, its validity relative to ``at``.

        `items` changes the basic four items of a signature certificate, by type
        (OID): text, or bytes for a value in DER of your own, or None to leave it
        out. `instead` puts extensions in the place of the right ones, or None.
        `policy` is an OID; raises WrongUse where none is given and none is known,
        and for bytes that are no DER.
        """
        oid = policy or _POLICIES.get((family, medium, self.hierarchy))
        if oid is None:
            raise WrongUse("the policy of such a certificate is not public: pass one")
        ca, key = self.authority(family, generation), self._new_key()
        issue = self._issue(family, oid, {**DUMMY_ITEMS, **(items or {})})
        identifiers = key_identifiers(ca.certificate, key.public_key())
        right = {type(each[0]): each for each in (*holder_extensions(issue), *identifiers)}
        builder = self._blank(name_in_japan(*_SUBJECT[family]), key, begins, ends)
        builder = builder.issuer_name(ca.certificate.subject)
        try:
            signed = _signed(builder, {**right, **(instead or {})}.values(), ca.key)
        except ValueError as wrong:
            raise WrongUse(f"such a certificate cannot be written: {wrong}") from wrong
        return KeyPair(certificate=signed, key=key)

    def _issue(self, family: Family, policy: str, items: Mapping[str, str | bytes | None]) -> Issue:
        return Issue(
            family=family,
            policy=policy,
            cps=SIMULATED_CPS_URI,
            issuer_in_japanese=simulated_name_in_japanese(family),
            list_name=list_name(family, self.hierarchy, "Sim-ken", "Sim-shi"),
            responder_url="http://ocsp.jpki-sim.invalid",
            items={item: value for item, value in items.items() if value is not None},
        )

    def _authority(self, family: Family, age: timedelta) -> KeyPair:
        name, key = authority_name(family, self.hierarchy), self._new_key()
        japanese = simulated_name_in_japanese(family)
        extensions = authority_extensions(name, japanese, key.public_key())
        builder = self._blank(name, key, -age, 10 * _YEAR - age).issuer_name(name)
        return KeyPair(certificate=_signed(builder, extensions, key), key=key)

    def _blank(
        self, subject: x509.Name, key: PrivateKey, begins: timedelta, ends: timedelta
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .public_key(key.public_key())
            .serial_number(next(self._serials))
            .not_valid_before(self.at + begins)
            .not_valid_after(self.at + ends)
        )


def _signed(
    builder: x509.CertificateBuilder, extensions: Iterable[Extension | None], key: PrivateKey
) -> x509.Certificate:
    return extended(builder, filter(None, extensions)).sign(key, hashes.SHA256())
