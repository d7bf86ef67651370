"""Distinguished names of the simulated hierarchy, in the shape and string types of the real one.

Country is a PrintableString, all else UTF8String. `O=JPKI-SIM` and 「模擬」 mark them: neither
the production hierarchy (`JPKI`) nor the test one (`JPKI-TEST`) can be mistaken for it.
"""

from cryptography import x509
from cryptography.x509.oid import NameOID

from tashika.pki import profile
from tashika.pki.profile import UNIT, Family, Hierarchy
from tashika_server.lab.municipalities import Municipality

__all__ = [
    "ORGANISATION",
    "authority_name",
    "authority_name_in_japanese",
    "distribution_point",
    "predecessor_name",
    "predecessor_name_in_japanese",
    "responder_name",
    "signature_holder",
    "user_auth_holder",
]

ORGANISATION = Hierarchy.SIMULATED.value

_UNIT_IN_JAPANESE = {
    Family.SIGNATURE: "公的個人認証サービス署名用",
    Family.USER_AUTH: "公的個人認証サービス利用者証明用",
}
_O, _OU, _L, _CN = (
    NameOID.ORGANIZATION_NAME,
    NameOID.ORGANIZATIONAL_UNIT_NAME,
    NameOID.LOCALITY_NAME,
    NameOID.COMMON_NAME,
)


def authority_name(family: Family) -> x509.Name:
    """Return the one DN that all key generations of a CA share."""
    return profile.authority_name(family, Hierarchy.SIMULATED)


def authority_name_in_japanese(family: Family) -> x509.Name:
    """Return the alternative name of a CA, which is also the issuerAltName of what it issues."""
    return _name(
        (_O, "模擬公的個人認証サービス"),
        (_OU, _UNIT_IN_JAPANESE[family]),
        (_OU, "地方公共団体情報システム機構"),
    )


def predecessor_name(place: Municipality) -> x509.Name:
    """Return the DN of a prefecture's CA under the law before 2013."""
    unit = "Prefectural predecessor of JPKI"
    return _name((_O, ORGANISATION), (_OU, unit), (_OU, f"The Governor of {place.prefecture}"))


def predecessor_name_in_japanese(place: Municipality) -> x509.Name:
    """Return its alternative name."""
    return _name(
        (_O, "模擬公的個人認証サービス"), (_OU, "都道府県知事"), (_OU, f"{place.code[:2]} 模擬")
    )


def distribution_point(family: Family, place: Municipality) -> x509.Name:
    """Return the name of the CRL for what a municipality issued."""
    return _name(
        (_O, ORGANISATION),
        (_OU, UNIT[family]),
        (_OU, "CRL Distribution Points"),
        (_OU, place.prefecture),
        (_CN, f"{place.name} CRLDP"),
    )


def responder_name(family: Family, common_name: str) -> x509.Name:
    """Return the name of a delegated OCSP responder."""
    return _name((_O, ORGANISATION), (_OU, UNIT[family]), (_CN, common_name))


def signature_holder(place: Municipality, common_name: str) -> x509.Name:
    """Return the subject of a signature certificate: where it was issued, and an opaque name."""
    return _name((_L, place.prefecture), (_L, place.name), (_CN, common_name))


def user_auth_holder(common_name: str) -> x509.Name:
    """Return the subject of a user-authentication certificate: an opaque name only."""
    return _name((_CN, common_name))


def _name(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(oid, value)
            for oid, value in ((NameOID.COUNTRY_NAME, "JP"), *attributes)
        ]
    )
