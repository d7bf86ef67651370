"""The causes of a check, in Japanese. In English they stand in :mod:`tashika.causes`."""

from collections.abc import Mapping

from tashika.causes import Cause
from tashika.language import Words

JA: Mapping[Cause, Words] = {
    Cause.GOOD: Words(
        "証明書は有効です。",
        "この取引に限って受け入れてください。",
    ),
    Cause.REVOKED: Words(
        "発行者が証明書を失効させています。",
        "受け入れず、利用者に新しい証明書を求めてください。",
    ),
    Cause.ON_HOLD: Words(
        "発行者が証明書を一時保留にしています。",
        "今は受け入れないでください。一時保留は後に解除されることも、失効となることもあります。",
    ),
    Cause.NEVER_ISSUED: Words(
        "発行者は、この証明書を発行していないと回答しています。",
        "受け入れず、発行者に知らせてください。発行者の署名鍵が危殆化しているおそれがあります。",
    ),
    Cause.UNKNOWN: Words(
        "レスポンダはこの証明書を知りません。",
        "この発行者の失効情報を扱うレスポンダに照会してください。",
    ),
    Cause.CERTIFICATE_MALFORMED: Words(
        "証明書を読み取れません。",
        "X.509 証明書を一つ、欠けのない PEM 又は DER で渡してください。",
    ),
    Cause.ISSUER_UNSUITABLE: Words(
        "発行者の証明書を読み取れないか、認証局のものでないか、有効期間外か、鍵が弱すぎます。",
        "認証局の証明書を PEM 又は DER で渡してください。",
    ),
    Cause.NOT_ISSUED_BY_ISSUER: Words(
        "証明書はこの発行者が発行したものではありません。",
        "正しい世代の鍵の認証局証明書を渡してください。複数の世代が同じ名称を使っています。",
    ),
    Cause.EXPIRED: Words(
        "証明書の有効期間が満了しています。",
        "受け入れず、利用者に新しい証明書を求めてください。",
    ),
    Cause.NOT_YET_VALID: Words(
        "証明書の有効期間はまだ始まっていません。",
        "まだ受け入れないでください。"
        "始まっているはずなら、このコンピュータの時計を合わせてください。",
    ),
    Cause.UNREACHABLE: Words(
        "レスポンダに接続できません。",
        "URL、名前解決、TLS の信頼設定、ファイアウォールを確かめてください。"
        "二つ目の URL も指定してください。",
    ),
    Cause.TIMED_OUT: Words(
        "レスポンダが時間内に応答しませんでした。",
        "もう一度照会してください。二つ目の URL を指定するか、回線に応じて期限を延ばしてください。",
    ),
    Cause.HTTP_STATUS: Words(
        "レスポンダが 200 以外の HTTP ステータスを返しました。",
        "URL をパスまで確かめてください。転送(リダイレクト)には従いません。",
    ),
    Cause.RESTING: Words(
        "レスポンダの失敗が続いたため、しばらく照会を控えています。",
        "三十秒ほど後にもう一度照会してください。二つ目の URL も指定してください。",
    ),
    Cause.ADDRESS_REFUSED: Words(
        "証明書が示す宛先は、接続してはならないアドレスです。",
        "信頼できる URL であれば設定に書いてください。証明書中の宛先は公開アドレスに限ります。",
    ),
    Cause.MALFORMED_REQUEST: Words(
        "レスポンダが照会を解釈できませんでした。",
        "方針が許すなら、CertID のハッシュを替えるか、ノンスなしで照会してください。",
    ),
    Cause.INTERNAL_ERROR: Words(
        "レスポンダが内部の誤りを報告しています。",
        "後でもう一度照会し、続くようならレスポンダの運用者に知らせてください。",
    ),
    Cause.TRY_LATER: Words(
        "レスポンダは今は回答できません。新しい情報がないか、照会が多すぎます。",
        "数分後にもう一度照会してください。",
    ),
    Cause.SIG_REQUIRED: Words(
        "レスポンダは署名付きの照会にのみ回答します。",
        "署名する認証情報(RequestSigner)を渡してください。",
    ),
    Cause.UNAUTHORIZED: Words(
        "レスポンダはあなたに、又はこの発行者について、回答しません。",
        "認証情報と URL を確かめてください。"
        "拒否の番号があれば、レスポンダの運用者が理由を説明できます。",
    ),
    Cause.TOO_LARGE: Words(
        "回答が、正当な回答ではあり得ない大きさです。",
        "URL が OCSP レスポンダのものか確かめてください。",
    ),
    Cause.MALFORMED: Words(
        "回答が OCSP 応答の形をしていません。",
        "URL が OCSP レスポンダのものか確かめてください。"
        "途中のプロキシが回答を書き換えていないかも調べてください。",
    ),
    Cause.UNSUPPORTED: Words(
        "回答に、受け入れられないアルゴリズム、版、又は重要(critical)な拡張があります。",
        "RFC 6960 に沿い、RSA 又は ECDSA と SHA-2 を使うよう、レスポンダの運用者に求めてください。",
    ),
    Cause.RESPONDER_UNIDENTIFIED: Words(
        "回答に、署名した者の証明書が付いていません。",
        "レスポンダ証明書を回答に含めるよう、レスポンダの運用者に求めてください。",
    ),
    Cause.RESPONDER_UNAUTHORISED: Words(
        "回答に署名した者には、発行者に代わって回答する権限がありません。",
        "このレスポンダを信用せず、レスポンダ証明書について運用者に問い合わせてください。",
    ),
    Cause.BAD_SIGNATURE: Words(
        "回答の署名が正しくありません。",
        "このレスポンダも途中の回線も信用しないでください。",
    ),
    Cause.OTHER_CERTIFICATE: Words(
        "回答は別の証明書についてのものです。",
        "途中のキャッシュが回答を取り違えていないか確かめてください。",
    ),
    Cause.AMBIGUOUS: Words(
        "一つの回答がこの証明書について二度述べています。",
        "レスポンダの運用者に知らせてください。",
    ),
    Cause.FROM_THE_FUTURE: Words(
        "回答の日時が現在より後です。",
        "このコンピュータの時計を合わせてください。"
        "時計が正しければ、レスポンダの運用者に知らせてください。",
    ),
    Cause.STALE: Words(
        "回答の nextUpdate(次回更新日時)を過ぎています。",
        "後でもう一度照会してください。このコンピュータの時計が狂っていれば合わせてください。",
    ),
    Cause.TOO_OLD: Words(
        "失効情報が、方針で許されるよりも古いものです。",
        "後でもう一度照会するか、Policy.max_age でより古い回答を許してください。",
    ),
    Cause.NO_NEXT_UPDATE: Words(
        "回答に、いつまで有効かが書かれていません。",
        "そのレスポンダで通例なら、Policy.no_next_update を ACCEPT_WITHIN_MAX_AGE にしてください。",
    ),
    Cause.NONCE_MISSING: Words(
        "回答が照会のノンスを返しておらず、過去の回答の再送かもしれません。",
        "ノンスに対応しないレスポンダなら、Policy.nonce を OPPORTUNISTIC 又は OFF にしてください。",
    ),
    Cause.NONCE_DIFFERS: Words(
        "回答のノンスが照会のものと異なり、別の照会への回答です。",
        "途中のキャッシュを調べてください。この回答は信用しないでください。",
    ),
}
