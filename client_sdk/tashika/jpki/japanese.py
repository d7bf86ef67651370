"""The causes of this package in Japanese: meaning and remedy of each."""

from collections.abc import Mapping
from types import MappingProxyType

from tashika.jpki.causes import JpkiCause

JA: Mapping[JpkiCause, tuple[str, str]] = MappingProxyType(
    {
        JpkiCause.MALFORMED: (
            "証明書を読み取れません。",
            "X.509証明書を1枚、PEMまたはDERで渡してください。",
        ),
        JpkiCause.NOT_JPKI: (
            "発行者名が公的個人認証サービスの認証局のものではありません。",
            "カードの電子証明書を求めてください。他のPKIは tashika.path で検証できます。",
        ),
        JpkiCause.OTHER_HIERARCHY: (
            "このプロファイルが受け入れる階層とは別の階層の証明書です。",
            "試験カードは何も証明しません。試験環境では JpkiProfile.hierarchy を設定してください。",
        ),
        JpkiCause.POLICY_SHAPE: (
            "証明書ポリシーがクリティカルでないか、ちょうど1つではありません。",
            "受け入れないでください。公的個人認証サービスの証明書には1つだけあります。",
        ),
        JpkiCause.POLICY_UNKNOWN: (
            "証明書ポリシーがこのプロファイルの知るものではありません。",
            "J-LISの仕様書にあれば JpkiProfile.policies に加えてください。",
        ),
        JpkiCause.POLICY_CONTRADICTS_ISSUER: (
            "証明書ポリシーが、発行者とは別の種類または階層のものです。",
            "受け入れないでください。信頼する認証局証明書が正しいか確かめてください。",
        ),
        JpkiCause.KEY_USAGE: (
            "鍵用途がその種類の証明書のものと一致しないか、クリティカルではありません。",
            "受け入れないでください。",
        ),
        JpkiCause.EXTENDED_KEY_USAGE: (
            "拡張鍵用途がその種類の証明書のものではありません。",
            "受け入れないでください。",
        ),
        JpkiCause.KEY: (
            "利用者の公開鍵が受け入れられない種類です。",
            "受け入れないでください。RSA 2048ビットまたはECDSAが必要です。",
        ),
        JpkiCause.ITEMS_MISPLACED: (
            "基本4情報が、あってはならない証明書にあるか、あるべき証明書にありません。",
            "受け入れないでください。法第26条により、署名用電子証明書だけにあります。",
        ),
        JpkiCause.WRONG_FAMILY: (
            "この種類の証明書はこの目的に使えません。",
            "利用者に、カードのもう一方の電子証明書を求めてください。",
        ),
        JpkiCause.ITEM_ABSENT: (
            "証明書に基本4情報の項目がありません。",
            "基本4情報があるのは署名用電子証明書だけです。そちらを求めてください。",
        ),
        JpkiCause.ITEM_MALFORMED: (
            "基本4情報の項目が重複しているか、1つのUTF8Stringではありません。",
            "この証明書の基本4情報に依拠しないでください。",
        ),
        JpkiCause.BIRTH_UNDETERMINED: (
            "生年月日の全部または一部が不明であるか、矛盾しています。",
            "年齢は他の方法で確認し、推測しないでください。",
        ),
    }
)
"""By cause: (meaning, remedy)."""
