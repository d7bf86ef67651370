"""What is to be done about a file, or a push feed, that is quarantined, by the check it failed.

What was accepted last is served on while it is fresh, so there is time until its nextUpdate.
"""

from collections.abc import Mapping

from tashika_server.refresh.feed import PARTITION as FEED
from tashika_server.refresh.source import Check

__all__ = ["FEED", "remedy"]

_ASK = (
    "take nothing from this source by hand; ask the issuer, and see who can write there",
    "この取得元のファイルを手で取り込まず、発行者に照会し、誰が書き込めるかを確かめてください",
)
_BOMB = (
    "see what the source serves; only if the issuer confirms the file, raise [refresh] max_size",
    "取得元の内容を確かめ、発行者が正しいと認めた場合のみ [refresh] max_size を増やしてください",
)
_ROOM = (
    "make room on this machine; the file is taken in at the next turn",
    "この機械の空きを増やしてください。次回の更新で取り込みます",
)
_CLOCK = (
    "compare the clocks, ours and the issuer's; else ask for a newer CRL",
    "当方と発行者の時計を比べてください。合っていれば新しい失効リストを求めてください",
)
_DELTA = (
    "give the URL of the file that is meant: the complete CRL, or its delta",
    "失効リスト本体と差分のURLを確かめ、正しいものを設定してください",
)
_BY_CHECK: Mapping[str, tuple[str, str]] = {
    Check.FETCH: (
        "mend the source; missing is not empty: only what its issuer dropped comes off the list",
        "取得元を直してください。未着は空ではなく、発行者が廃止した区分のみ一覧から外せます",
    ),
    Check.NUMBER: (
        "a replay, or a CA restored from a backup: ask the issuer for a CRL with a higher number",
        "再送か、認証局が控えから復元されています。番号の大きい失効リストを発行者に求めてください",
    ),
    Check.BASE: (
        "the complete CRL is fetched; if this stays, ask the issuer for the one that it begins at",
        "失効リスト本体を取得します。続くときは差分の基になるものを発行者に求めてください",
    ),
    Check.DELTA: _DELTA,
    Check.BOUNDS: (
        "see `index held`: two persons may let it in",
        "`index held` を見てください。二人の承認で取り込めます",
    ),
    Check.THIS_UPDATE: _CLOCK,
    Check.NEXT_UPDATE: _CLOCK,
    Check.VALIDITY: (
        "ask the issuer if so long a validity is meant; then raise max_validity in its bounds",
        "有効期間が長すぎます。発行者に確認し、意図したものなら max_validity を上げてください",
    ),
    **dict.fromkeys((Check.SIZE, Check.ENTRY_COUNT, Check.ENTRY_SIZE, Check.TIME), _BOMB),
    **dict.fromkeys((Check.MEMORY, Check.DISK, Check.ARCHIVE), _ROOM),
}
_HOLE = (
    "the CRLs carry on; ask the issuer for what is missing, and why it repeats itself if it does",
    "失効リストで継続しています。欠けた通知、または内容の異なる同番号について発行者に照会してください",
)


_SILENT = (
    "the CRLs carry on; see that the feed's URL can be reached, and ask the issuer if it can",
    "失効リストで継続しています。通知のURLに到達できるかを確かめ、できれば発行者に照会してください",
)
_UNFIT = (
    "the CRLs carry on; ask the issuer what is wrong with its feed, and see who can write there",
    "失効リストで継続しています。通知の異常を発行者に照会し、誰が書き込めるかを確かめてください",
)
_BY_FEED_CHECK: Mapping[str, tuple[str, str]] = {Check.NUMBER: _HOLE, Check.FETCH: _SILENT}


def remedy(check: str, partition: str) -> tuple[str, str]:
    """Return what is to be done, in English and Japanese."""
    if partition == FEED:
        return _BY_FEED_CHECK.get(check, _UNFIT)
    return _BY_CHECK.get(check, _ASK)
