"""How fresh the revocation data of each issuer is, as a page for everybody.

Written by whoever watches freshness, served by the workers beside the public notices. It says as
of when, so that a page which nobody renews shows it.
"""

from collections.abc import Iterable
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


def status_page(ages: Iterable[Age], *, at: datetime) -> bytes:
    """Write a line for each issuer: how it stands, and until when its data holds."""
    rows = "".join(_row(each) for each in ages)
    return f"""<!DOCTYPE html>
<html lang="ja">
<head><meta charset="utf-8"><title>失効情報の状況 / Status of revocation data</title></head>
<body>
<h1>失効情報の状況 <span lang="en">Status of revocation data</span></h1>
<p>{_time(at)} 現在 <span lang="en">(as of)</span></p>
<table>
<tr><th>発行者 issuer</th><th>状況 status</th><th>経過 spent</th><th>期限 until</th></tr>
{rows}</table>
</body>
</html>
""".encode()


def _row(age: Age) -> str:
    ja, en = _WORDS[age.stage]
    cells = (
        age.issuer,
        f"{ja} {en}",
        f"{age.spent:.0%}",
        _time(age.next_update) if age.next_update else "-",
    )
    return f"<tr>{''.join(f'<td>{escape(each)}</td>' for each in cells)}</tr>\n"


def _time(at: datetime) -> str:
    return f"{at.astimezone(JST):%Y-%m-%d %H:%M} JST"
