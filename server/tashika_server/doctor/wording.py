"""What each finding says and what is to be done, in English and Japanese."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from tashika_server.doctor.finding import Finding, Symptom

__all__ = ["WORDS", "Language", "Words", "worded"]


class Language(StrEnum):
    """Whom it is said to."""

    ENGLISH = "en"
    JAPANESE = "ja"


class Words(NamedTuple):
    """One finding in one language; `remedy` is empty where nothing is to be done."""

    what: str
    remedy: str = ""

    def __str__(self) -> str:
        """Write it in one line."""
        return f"{self.what}; {self.remedy}" if self.remedy else self.what


def worded(finding: Finding, language: Language) -> Words:
    """Say a finding."""
    words = WORDS[finding.symptom][language]
    return Words(*(text.format_map(finding.facts) for text in words))


def _both(en: Words, ja: Words) -> Mapping[Language, Words]:
    return {Language.ENGLISH: en, Language.JAPANESE: ja}


WORDS: Mapping[Symptom, Mapping[Language, Words]] = {
    Symptom.ISSUER_WELL: _both(
        Words("{crls} CRLs, {spent} of their time spent, {signers} signers; operator: {operator}"),
        Words("失効リスト{crls}件、経過{spent}、署名者{signers}、運用者: {operator}"),
    ),
    Symptom.SIGNER_UNFIT: _both(
        Words("a responder certificate is unfit: {reason}", "the service answers without it"),
        Words("レスポンダ証明書が使えません: {reason}", "この証明書なしで応答しています"),
    ),
    Symptom.SIGNER_ENDS: _both(
        Words(
            "{file} ends on {ends}, in {days} days",
            "have the issuer renew it and put the new files in its place",
        ),
        Words(
            "{file} は{ends}に満了します(残り{days}日)",
            "発行者に更新を求め、新しいファイルに置き換えてください",
        ),
    ),
    Symptom.NO_SIGNER: _both(
        Words("nobody can sign for it now", "put a responder certificate and key in place"),
        Words("署名できる者がいません", "レスポンダ証明書と鍵を置いてください"),
    ),
    Symptom.CRL_MISSING: _both(
        Words(
            "{missing} of {crls} CRLs never arrived, {first} first; missing is not empty",
            "see why with `query`, mend the source or take the partition off the list",
        ),
        Words(
            "失効リスト{crls}件中{missing}件が未着です(最初は {first})。未着は空ではありません",
            "`query` で理由を調べ、取得元を直すか、区分を一覧から外してください",
        ),
    ),
    Symptom.CRL_UNKNOWN: _both(
        Words(
            "the issuer publishes {more} CRLs that are not configured, {first} first: what they "
            "revoke is not known here",
            "add them to its list of CRLs and reload",
        ),
        Words(
            "発行者が公開する失効リスト{more}件が未設定です(最初は {first})。"
            "その失効はここでは分かりません",
            "発行者の失効リスト一覧に加え、reload してください",
        ),
    ),
    Symptom.CRL_UNPUBLISHED: _both(
        Words(
            "{gone} of {crls} CRLs are not on the issuer's own list, {first} first",
            "ask the issuer where their certificates are listed now, before you take any off",
        ),
        Words(
            "失効リスト{crls}件中{gone}件が発行者の公開一覧にありません(最初は {first})",
            "区分を外す前に、その証明書が今どこに載るかを発行者に照会してください",
        ),
    ),
    Symptom.CRL_EXPIRED: _both(
        Words(
            "{late} of {crls} CRLs are late, the first ran out at {ends}: it says tryLater",
            "see that the refresher lives and that the issuer publishes; `query` says why",
        ),
        Words(
            "失効リスト{crls}件中{late}件が遅れ、最初のものは{ends}に満了し、tryLaterになります",
            "更新プロセスと発行者の公開を確かめてください。理由は `query` で分かります",
        ),
    ),
    Symptom.CRL_AGEING: _both(
        Words(
            "{late} of {crls} CRLs have used {spent} of their time, the first ends at {ends}",
            "see that the refresher lives and that the issuer publishes",
        ),
        Words(
            "失効リスト{crls}件中{late}件が有効期間の{spent}を過ぎました(最初の満了は{ends})",
            "更新プロセスと発行者の公開を確かめてください",
        ),
    ),
    Symptom.QUARANTINED: _both(
        Words("the newest CRL of {partition} waits since {since}, {check}: {detail}", "{remedy}"),
        Words(
            "{partition} の最新の失効リストは{since}から保留中です。{check}: {detail}",
            "{remedy_ja}",
        ),
    ),
    Symptom.FEED_STOPPED: _both(
        Words("its push feed is not followed since {since}, {check}: {detail}", "{remedy}"),
        Words("発行者の通知を{since}から取り込んでいません。{check}: {detail}", "{remedy_ja}"),
    ),
    Symptom.COUNT_DIFFERS: _both(
        Words(
            "the index has {ours} entries of {partition}, its CRL had {theirs}",
            "move the index away and load it anew: `index build`",
        ),
        Words(
            "索引にある {partition} の登録は{ours}件、失効リストは{theirs}件でした",
            "索引を移し、`index build` で作り直してください",
        ),
    ),
    Symptom.BEHIND_ISSUER: _both(
        Words(
            "the issuer says {partition} is at CRL {theirs}, the index is at {ours}",
            "see what the source of that CRL serves, and ask the issuer",
        ),
        Words(
            "発行者によれば {partition} の最新は {theirs}、索引は {ours} です",
            "取得元の内容を確かめ、発行者に照会してください",
        ),
    ),
    Symptom.ISSUER_LIST_UNREADABLE: _both(
        Words("the issuer's list of its CRLs cannot be compared: {reason}", "put it right"),
        Words("発行者の公開一覧と照合できません: {reason}", "一覧を直してください"),
    ),
    Symptom.NUMBER_HOLE: _both(
        Words(
            "of {partition} the CRLs between {before} and {after} never came, and it promises all",
            "ask the issuer for them: a hold or release in between is not in the history",
        ),
        Words(
            "{partition} の{before}と{after}の間の失効リストが欠けています(連番の約束です)",
            "発行者に求めてください。その間の一時保留と解除は履歴にありません",
        ),
    ),
    Symptom.REGISTER_MISSING: _both(
        Words(
            "its issued register was never loaded: it says tryLater of what no CRL lists",
            "put the file there; the refresher takes it in",
        ),
        Words(
            "発行台帳が未読込です。失効リストにないものはtryLaterになります",
            "ファイルを置いてください。更新プロセスが読み込みます",
        ),
    ),
    Symptom.REGISTER_REFUSED: _both(
        Words(
            "its issued register is not taken in, and what it lacks is called never issued: "
            "{reason}",
            "the last good one is in use; put it right soon",
        ),
        Words(
            "発行台帳を取り込めません。前の台帳にない証明書は未発行とされます: {reason}",
            "速やかに台帳を直してください。それまでは前の台帳を使います",
        ),
    ),
    Symptom.PROBE_WRONG: _both(
        Words(
            "probe {number} was answered {heard} {where}, not {expected}",
            "trust no answer of this issuer until you know why; see `query`",
        ),
        Words(
            "試験番号{number}への応答({where})は {heard} で、{expected} ではありません",
            "理由が分かるまで、この発行者への応答を信用しないでください。`query` で調べられます",
        ),
    ),
    Symptom.PROBE_UNANSWERED: _both(
        Words("probe {number} was not answered {where}: {reason}", "follow the other findings"),
        Words("試験番号{number}に応答がありません({where}): {reason}", "他の所見に従ってください"),
    ),
    Symptom.NO_PROBE: _both(
        Words("no probe is configured", "add `probes` with serials whose standing is certain"),
        Words("試験番号の設定がありません", "状態の確かな番号を `probes` に書いてください"),
    ),
    Symptom.COMPROMISED: _both(
        Words("its key is declared compromised since {since} ({id})"),
        Words("署名鍵は{since}に危殆化したとされています({id})"),
    ),
    Symptom.MACHINE_WELL: _both(
        Words("index {index} full, generation {generation}; probes were asked {where}"),
        Words("索引の使用率{index}、世代{generation}。試験番号の照会先: {where}"),
    ),
    Symptom.INDEX_UNREADABLE: _both(
        Words("the index cannot be read: {reason}", "start the service, or `index build`"),
        Words("索引を読めません: {reason}", "サービスを起動するか `index build` を行ってください"),
    ),
    Symptom.INDEX_FULL: _both(
        Words("the index has taken {taken} of its room", "raise [index] size and reload"),
        Words("索引は領域の{taken}を使っています", "[index] size を増やし reload してください"),
    ),
    Symptom.DISK_FULL: _both(
        Words("the disk of {place} has {free} left", "make room, or move {place}"),
        Words("{place} のディスクの空きは{free}です", "空きを作るか {place} を移してください"),
    ),
    Symptom.PLACE_UNUSABLE: _both(
        Words("{place} is not there or may not be written", "make it, for the service's user"),
        Words("{place} がないか、書き込めません", "サービスの利用者用に作ってください"),
    ),
    Symptom.CLOCK_BEHIND: _both(
        Words(
            "a CRL that was taken in says {this_update}, which is still to come",
            "set the clock of this machine right",
        ),
        Words(
            "取り込んだ失効リストの日時 {this_update} が未来です",
            "この機械の時計を合わせてください",
        ),
    ),
    Symptom.AGREEMENTS_OLD: _both(
        Words(
            "the workers' agreements cannot be used or are getting old: {reason}",
            "see that the office lives and the book can be reached",
        ),
        Words(
            "取決めの写しが使えないか、古くなっています: {reason}",
            "office プロセスと台帳への接続を確かめてください",
        ),
    ),
    Symptom.BOOK_UNREADABLE: _both(
        Words("the book cannot be read: {reason}", "mend it within [registry] max_age"),
        Words("台帳を読めません: {reason}", "[registry] max_age のうちに直してください"),
    ),
    Symptom.RESPONDER_SILENT: _both(
        Words("nobody answers at {url}", "start the service, or see its log"),
        Words("{url} に応答がありません", "サービスを起動するか、ログを見てください"),
    ),
}
