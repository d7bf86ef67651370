"""The causes of a path check, in Japanese. In English they stand in :mod:`tashika.path.causes`."""

from collections.abc import Mapping

from tashika.language import Words
from tashika.path.causes import PathCause

JA: Mapping[PathCause, Words] = {
    PathCause.VALID: Words(
        "トラストアンカーからの認証パスが成り立ち、失効した証明書を含みません。",
        "検証した目的に限り、証明書を受け入れてください。",
    ),
    PathCause.MALFORMED: Words(
        "読み取れない証明書があります。",
        "X.509 証明書を、欠けのない PEM 又は DER で渡してください。",
    ),
    PathCause.UNSUPPORTED: Words(
        "証明書又は発行者の鍵に、受け入れられないアルゴリズム又は形式が使われています。",
        "2048 ビット以上の RSA 又は ECDSA と、SHA-2 を使うよう発行者に求めてください。",
    ),
    PathCause.NO_PATH: Words(
        "証明書からトラストアンカーに至る発行者がありません。",
        "途中の証明書を渡し、正しい世代のルートの鍵を信頼してください。",
    ),
    PathCause.BAD_SIGNATURE: Words(
        "発行者の鍵で署名されていない証明書があります。",
        "受け入れないでください。正しい世代の鍵の発行者証明書があれば、それを渡してください。",
    ),
    PathCause.BUDGET_SPENT: Words(
        "渡された証明書の検証には、上限を超える処理が必要です。",
        "渡す証明書を減らしてください。WorkLimits は、信頼できる証明書に限って引き上げてください。",
    ),
    PathCause.EXPIRED: Words(
        "有効期間の満了した証明書があります。",
        "受け入れず、新しい証明書を求めてください。",
    ),
    PathCause.NOT_YET_VALID: Words(
        "有効期間の始まっていない証明書があります。",
        "まだ受け入れないでください。"
        "始まっているはずなら、このコンピュータの時計を合わせてください。",
    ),
    PathCause.NOT_A_CA: Words(
        "発行者の証明書が認証局のものではありません。",
        "その発行した証明書を受け入れないでください。",
    ),
    PathCause.KEY_USAGE: Words(
        "発行者の鍵は、証明書への署名に使えるものではありません。",
        "その発行した証明書を受け入れないでください。",
    ),
    PathCause.PURPOSE: Words(
        "証明書の拡張鍵用途(extendedKeyUsage)が、この目的を許していません。",
        "Demands.purpose に目的を指定してください。指定済みなら、別の証明書を求めてください。",
    ),
    PathCause.UNKNOWN_CRITICAL_EXTENSION: Words(
        "解釈できない重要(critical)な拡張をもつ証明書があります。",
        "受け入れないでください。発行者は、その拡張が解釈されることを条件としています。",
    ),
    PathCause.PATH_TOO_LONG: Words(
        "認証局が許すよりも多くの認証局が連なっています。",
        "証明書を受け入れないでください。",
    ),
    PathCause.NAME_NOT_PERMITTED: Words(
        "上位の認証局が証明できる範囲にない名称があります。",
        "証明書を受け入れないでください。",
    ),
    PathCause.POLICY: Words(
        "求められた証明書ポリシーのいずれも、認証パスを通して成り立ちません。",
        "証明書の発行に用いられたポリシーを求めるか、証明書を拒んでください。",
    ),
    PathCause.REVOKED: Words(
        "認証パスに、失効又は一時保留の証明書があります。",
        "受け入れないでください。",
    ),
    PathCause.STATUS_MISSING: Words(
        "認証パスの証明書が失効しているか否かを示すものが渡されていません。",
        "結果の needs にあるものを取得し、もう一度検証してください。",
    ),
    PathCause.STATUS_STALE: Words(
        "失効情報が、nextUpdate を過ぎているか、古すぎるか、現在より後のものです。",
        "新しい失効情報を取得してください。このコンピュータの時計が狂っていれば合わせてください。",
    ),
    PathCause.STATUS_UNUSABLE: Words(
        "失効情報が、権限のある者の署名によらないか、解釈できない形式です。",
        "発行者の配布点から取得し直し、その署名者の証明書も渡してください。",
    ),
    PathCause.STATUS_TOLERATED: Words(
        "経路は成立しますが、失効の有無を誰にも確認できず、方針により容認されました。",
        "情報源が応答するときに再度確認するか、受け入れないでください。",
    ),
}
