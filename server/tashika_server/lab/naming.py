"""Distinguished names of the simulated hierarchy, in the shape and string types of the real one.

`O=JPKI-SIM` and 「模擬」 mark them: neither the production hierarchy (`JPKI`) nor the test one
(`JPKI-TEST`) can be mistaken for it.
"""

from cryptography import x509
from cryptography.x509.oid import NameOID

from tashika.pki import profile, profile_shape
from tashika.pki.profile import UNIT, Family, Hierarchy, name_in_japan
from tashika_server.lab.municipalities import Municipality

__all__ = [
    "ORGANISATION",
    "authority_name",
    "distribution_point",
    "predecessor_name",
    "predecessor_name_in_japanese",
    "responder_name",
    "signature_holder",
    "user_auth_holder",
]

ORGANISATION = Hierarchy.SIMULATED.value

_O, _OU, _L, _CN = (
    NameOID.ORGANIZATION_NAME,
    NameOID.ORGANIZATIONAL_UNIT_NAME,
    NameOID.LOCALITY_NAME,
    NameOID.COMMON_NAME,
)


def authority_name(family: Family) -> x509.Name:
    """Return the one DN that all key generations of a CA share."""
    return profile.authority_name(family, Hierarchy.SIMULATED)


def predecessor_name(place: Municipality) -> x509.Name:
    """Return the DN of a prefecture's CA under the law before 2013."""
    unit = "Prefectural predecessor of JPKI"
    return name_in_japan(
        (_O, ORGANISATION), (_OU, unit), (_OU, f"The Governor of {place.prefecture}")
    )


def predecessor_name_in_japanese(place: Municipality) -> x509.Name:
    """Return its alternative name."""
    return name_in_japan(
        (_O, "模擬公的個人認証サービス"), (_OU, "都道府県知事"), (_OU, f"{place.code[:2]} 模擬")
    )


def distribution_point(family: Family, place: Municipality) -> x509.Name:
    """Return the name of the CRL for what a municipality issued."""
    return profile_shape.list_name(family, Hierarchy.SIMULATED, place.prefecture, place.name)


def responder_name(family: Family, common_name: str) -> x509.Name:
    """Return the name of a delegated OCSP responder."""
    return name_in_japan((_O, ORGANISATION), (_OU, UNIT[family]), (_CN, common_name))


def signature_holder(place: Municipality, common_name: str) -> x509.Name:
    """Return the subject of a signature certificate: where it was issued, and an opaque name."""
    return name_in_japan((_L, place.prefecture), (_L, place.name), (_CN, common_name))


def user_auth_holder(common_name: str) -> x509.Name:
    """Return the subject of a user-authentication certificate: an opaque name only."""
    return name_in_japan((_CN, common_name))
