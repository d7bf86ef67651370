"""Why a verifier's certificate lets it in no more: what the issuer says of it (T25).

Beside `refusals`, for what is found out by looking the certificate up in the index: its own
serial number, never one that is asked about.
"""

from tashika_server.agreements.manners import DENIED, UNABLE, AccessRefused

__all__ = ["ClientCertificateRevoked", "ClientStandingUnknown"]


class ClientCertificateRevoked(AccessRefused):
    """The issuer has revoked the client's certificate, holds it, or never issued it (T19, T25)."""

    reply = DENIED.row(
        "client_certificate_revoked",
        "クライアント証明書は、発行者により失効又は一時停止されています。",
        "The client certificate has been revoked or is on hold at its issuer.",
    )


class ClientStandingUnknown(AccessRefused):
    """Whether the client's certificate is in force cannot be told: its CRLs are overdue."""

    reply = UNABLE.row(
        "client_standing_unknown",
        "現在、クライアント証明書の有効性を確認できません。時間をおいて再度照会してください。",
        "Whether the client certificate is in force cannot be told at present. Try again later.",
    )
