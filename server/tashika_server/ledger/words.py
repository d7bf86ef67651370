"""What officials and verifiers read for our words, in Japanese and English."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from tashika.pki.profile import Family
from tashika_server.agreements.act import Category
from tashika_server.agreements.terms import Environment, Method
from tashika_server.ledger.tariff import TariffKind
from tashika_server.ledger.tax import TaxCategory
from tashika_server.policy import TaxTreatment

__all__ = ["WORDS", "Words", "tax_words"]


class Words(NamedTuple):
    """One thing in both languages."""

    ja: str
    en: str

    def __str__(self) -> str:
        """Write both."""
        return f"{self.ja} / {self.en}"


WORDS: Mapping[StrEnum, Words] = {
    Family.SIGNATURE: Words("署名用電子証明書", "signature certificates"),
    Family.USER_AUTH: Words("利用者証明用電子証明書", "user authentication certificates"),
    Family.OTHER: Words("その他の電子証明書", "other certificates"),
    Method.OCSP: Words("失効情報", "revocation information"),
    Method.FILE: Words("失効情報ファイル", "revocation information files"),
    Method.CORRESPONDING: Words("対応証明書の発行の番号", "corresponding certificate numbers"),
    Method.STATUS_API: Words("失効情報 API", "revocation information by API"),
    Environment.PRODUCTION: Words("本番環境", "production"),
    Environment.TEST: Words("試験環境", "test environment"),
    Category.ADMINISTRATIVE_ORGAN: Words("行政機関等", "administrative organ"),
    Category.COURT: Words("裁判所", "court"),
    Category.FILING_INTERMEDIARY: Words("申請等を経由する者", "filing intermediary"),
    Category.ACCREDITED_CERTIFIER: Words("認定認証事業者", "accredited certifier"),
    Category.SPECIFIED_CERTIFIER: Words("特定認証業務を行う者", "specified certifier"),
    Category.ACCREDITED_VERIFIER: Words("認定を受けた民間事業者", "accredited verifier"),
    Category.FILING_AGENTS_BODY: Words("申請等を代理する者の団体", "body of filing agents"),
    Category.RECORD_SUPPLIERS_BODY: Words("書類を提供する者の団体", "body of record suppliers"),
    Category.OTHER_PARTY: Words("その他の者", "other party"),
    TariffKind.LIST: Words("定価", "list"),
    TariffKind.WAIVER: Words("減免", "waiver"),
    TaxTreatment.UNSTATED: Words("消費税の区分は記載しない", "consumption tax: not stated"),
    TaxTreatment.EXEMPT: Words("消費税 非課税", "exempt from consumption tax"),
    TaxTreatment.OUT_OF_SCOPE: Words("消費税 不課税", "outside the scope of consumption tax"),
    TaxTreatment.INCLUDED: Words("消費税 内税", "consumption tax included"),
    TaxTreatment.ADDED: Words("消費税 外税", "consumption tax added"),
}


def tax_words(tax: TaxCategory) -> Words:
    """Say a tax category, with its rate where it has one."""
    words = WORDS[tax.treatment]
    rate = f" {tax.percent}%" if tax.percent else ""
    return Words(words.ja + rate, words.en + rate)
