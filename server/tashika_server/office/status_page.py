"""How fresh the revocation data of each issuer is, as a page for everybody.

Written by whoever watches freshness, served by the workers beside the public notices. It says as
of when, so that a page which nobody renews shows it. Of a compromised key no data is fresh: what
such a key has signed proves nothing any more (art. 14, 33).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape

from tashika_server.agreements.period import JST
from tashika_server.office.freshness import Age, Stage

__all__ = ["status_page"]

_WORDS = {
    Stage.FRESH: ("正常", "fresh"),
    Stage.AGEING: ("更新遅延", "late"),
    Stage.EXPIRED: ("期限切れ", "expired"),
    Stage.MISSING: ("未着", "missing"),
}


def status_page(ages: Iterable[Age], *, at: datetime, compromised: Mapping[str, datetime]) -> bytes:
    """Write a line for each issuer: how it stands, and until when its data holds.

    `compromised` has the issuers whose keys are, and since when.
    """
    rows = "".join(_row(_cells(each, compromised.get(each.issuer))) for each in ages)
    return f"""<!DOCTYPE html>
<html lang="ja">
<head><meta charset="utf-8"><title>失効情報の状況 / Status of revocation data</title></head>
<body>
<h1>失効情報の状況 <span lang="en">Status of revocation data</span></h1>
<p>{_time(at)} 現在 <span lang="en">(as of)</span></p>
<table>
<tr><th>発行者 issuer</th><th>状況 status</th><th>経過 spent</th><th>期限 until</th></tr>
{rows}</table>
<p><a href="notices">公表 <span lang="en">Public notices</span></a></p>
</body>
</html>
""".encode()


def _cells(age: Age, compromised: datetime | None) -> tuple[str, ...]:
    if compromised:
        since = _time(compromised)
        ja = f"鍵の危殆化:証明書は{since}付けで全て失効"
        en = f"key compromised: every certificate is revoked as of {since}"
        return age.issuer, f"{ja} / {en}", "-", "-"
    ja, en = _WORDS[age.stage]
    until = _time(age.next_update) if age.next_update else "-"
    return age.issuer, f"{ja} {en}", f"{age.spent:.0%}", until


def _row(cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<td>{escape(each)}</td>' for each in cells)}</tr>\n"


def _time(at: datetime) -> str:
    return f"{at.astimezone(JST):%Y-%m-%d %H:%M} JST"
