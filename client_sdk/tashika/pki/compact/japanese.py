"""The faults of compact sets, in Japanese. In English they stand beside their names."""

from collections.abc import Mapping

from tashika.language import Words
from tashika.pki.compact.faults import Fault

JA: Mapping[Fault, Words] = {
    Fault.UNREADABLE: Words(
        "ファイルを開けません。",
        "読み取れる状態でファイルをその場所に置いてください。",
    ),
    Fault.TRUNCATED: Words(
        "ファイルが途中で切れています。",
        "終わりまでダウンロードし直してください。",
    ),
    Fault.MALFORMED: Words(
        "ファイルの形式が正しくありません。",
        "ダウンロードし直し、続くようなら運用者に知らせてください。",
    ),
    Fault.UNSUPPORTED: Words(
        "このライブラリの知らない形式です。",
        "このライブラリを更新してください。",
    ),
    Fault.WRONG_ISSUER: Words(
        "別の発行者のファイルです。",
        "この世代の鍵のファイルを使ってください。",
    ),
    Fault.SIGNER: Words(
        "署名した者が、信頼された者ではありません。",
        "誰の鍵で署名されるべきファイルか、運用者に問い合わせてください。",
    ),
    Fault.SIGNATURE: Words(
        "署名が正しくありません。",
        "このファイルの入手元を信用せず、ダウンロードし直してください。",
    ),
    Fault.DAMAGED: Words(
        "内容が、署名されたものと異なります。",
        "ダウンロードし直してください。",
    ),
    Fault.EXPIRED: Words(
        "ファイルの nextUpdate(次回更新日時)を過ぎています。",
        "新しいファイルを入手してください。このコンピュータの時計が狂っていれば合わせてください。",
    ),
    Fault.ROLLBACK: Words(
        "置かれているものより古いファイルです。",
        "新しいファイルを入手し、このファイルの入手元を信用しないでください。",
    ),
    Fault.WRONG_BASE: Words(
        "差分の元となるファイルが異なります。",
        "差分を順に適用するか、全体をダウンロードしてください。",
    ),
    Fault.UNREACHABLE: Words(
        "ファイルを提供するホストに接続できません。",
        "アドレスと通信環境を確認して、もう一度試してください。",
    ),
    Fault.DECLINED: Words(
        "ホストがファイルを提供しません。",
        "取決めとトークンを確認してください。理由は運用者が説明できます。",
    ),
    Fault.UNWRITABLE: Words(
        "ファイルを書き込めません。",
        "ディスクと、書込みの権限を確かめてください。",
    ),
}
