"""The doctor's symptoms, in Japanese."""

from collections.abc import Mapping

from tashika.cli.doctor.finding import Symptom
from tashika.language import Words

JA: Mapping[Symptom, Words] = {
    Symptom.CONNECTED: Words("レスポンダに接続できます。", ""),
    Symptom.IN_CLEAR: Words(
        "照会が暗号化されずに送られ、誰について照会しているかを回線上で知られます。",
        "レスポンダに https の URL があれば使ってください。トークンは https でのみ送られます。",
    ),
    Symptom.TLS_UNTRUSTED: Words(
        "レスポンダの TLS 証明書を信頼できません。",
        "公的な認証局のものでなければ、その認証局を --tls-ca で指定してください。"
        "URL のホスト名も確かめてください。",
    ),
    Symptom.TLS_FAILED: Words(
        "TLS で接続できません。",
        "URL のポートとスキームを確かめてください。"
        "求められている場合は、クライアント証明書も確かめてください。",
    ),
    Symptom.TLS_ENDS_SOON: Words(
        "レスポンダの TLS 証明書がまもなく満了します。",
        "更新が予定されているか、レスポンダの運用者に確かめてください。",
    ),
    Symptom.CLIENT_CERTIFICATE_UNFIT: Words(
        "クライアント証明書が、今は使えません。",
        "有効な証明書をレスポンダの運用者に登録し、--client-cert で指定してください。",
    ),
    Symptom.CLIENT_CERTIFICATE_ENDS_SOON: Words(
        "クライアント証明書がまもなく満了します。",
        "その前に新しい証明書を取得し、レスポンダの運用者に登録してください。",
    ),
    Symptom.NOBODY_ASKS: Words(
        "照会者を示すものがありません。",
        "--token-file、又は --client-cert と https の URL を指定してください。",
    ),
    Symptom.ANSWERED: Words(
        "レスポンダは試験用の証明書について回答し、その回答は正当です。",
        "",
    ),
    Symptom.NO_NONCE: Words(
        "レスポンダがノンスを返さないため、古い回答が期限まで再送され得ます。",
        "Policy.nonce を OPPORTUNISTIC にし、Policy.max_age を失効情報の更新間隔に応じて短くして"
        "ください。",
    ),
    Symptom.NO_SHA256: Words(
        "レスポンダは SHA-1 による照会だけを解釈します。",
        "Policy.certid_hash を SHA1 にしてください。"
        "このハッシュは発行者を示すだけで、何も保護しません。",
    ),
    Symptom.CLOCK_OFF: Words(
        "このコンピュータの時計とレスポンダの時計が異なります。",
        "NTP でこのコンピュータの時計を合わせてください。"
        "時計が正しければ、レスポンダの運用者に知らせてください。",
    ),
    Symptom.DATA_OLD: Words(
        "失効情報の古さが、方針で許される限度の半分を超えています。",
        "更新の間隔をレスポンダの運用者に確かめ、それに応じて Policy.max_age を定めてください。",
    ),
}
