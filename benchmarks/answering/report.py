"""The table as JSON, as Markdown and as pictures."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

from benchmarks.answering.figures import Demand, Figure, Row

__all__ = ["markdown", "write"]

WHOLE = 100
"""From here on decimals say nothing."""


def write(directory: Path, name: str, rows: Sequence[Row], machine: Mapping[str, object]) -> None:
    """Write NAME.json and NAME.md, and what can be drawn of the rows."""
    directory.mkdir(parents=True, exist_ok=True)
    plain = {"machine": machine, "rows": [_plain(each) for each in rows]}
    (directory / f"{name}.json").write_text(json.dumps(plain, indent=1) + "\n")
    (directory / f"{name}.md").write_text(markdown(rows, machine))
    try:
        # Only who wants pictures needs what draws them.
        from benchmarks.answering.pictures import draw  # noqa: PLC0415
    except ImportError as missing:
        print(f"no pictures: {missing}; `requirements/install bench` brings it", file=sys.stderr)
    else:
        draw(directory, name, rows)


def _plain(row: Row) -> dict[str, object]:
    return {
        "name": row.name,
        "work": row.work,
        "figures": [_plain_figure(each) for each in row.figures],
        "demands": [
            {
                "what": each.what,
                "unit": each.unit,
                each.sense: each.bound,
                "measured": round(each.measured, 4),
                "met": each.is_met,
            }
            for each in row.demands
        ],
        "notes": list(row.notes),
        "runs": {name: outcome.plain() for name, outcome in row.runs.items()},
    }


def _plain_figure(figure: Figure) -> dict[str, object]:
    return {
        "of": figure.of,
        "median": round(figure.value, 3),
        "unit": figure.unit,
        "lacks": figure.lacks,
        "rounds": [round(each.value, 3) for each in figure.readings],
        "service_busy": [_rounded(each.service_busy) for each in figure.readings],
        "load_busy": [_rounded(each.load_busy) for each in figure.readings],
        "p99_ms": [_rounded(each.p99_ms) for each in figure.readings],
    }


def _rounded(part: float | None) -> float | None:
    return None if part is None else round(part, 3)


def markdown(rows: Sequence[Row], machine: Mapping[str, object]) -> str:
    """Write the table for people."""
    commit = f"{machine['commit']:.12}{' with changes' * bool(machine['changed since'])}"
    lines = [
        (
            f"Measured {machine['date']} on {machine['processor']}, {machine['cores']} cores, "
            f"Linux {machine['kernel']}, Python {machine['python']}, the path of an answer "
            f"{machine['path of an answer']}, commit {commit}, by "
            f"`{machine['command']}`. Medians; ratios are medians of the ratios of each round."
        ),
        "",
        "| shown | bound | measured | |",
        "|---|---|---|---|",
        *(_demand_line(row, each) for row in rows for each in row.demands),
    ]
    for row in rows:
        lines += ["", f"**{row.name}**: {row.work}", ""]
        if row.figures:
            lines += ["| | median | its core | load's core | not done |", "|---|---|---|---|---|"]
            lines += map(_figure_line, row.figures)
        lines += ["", *(f"- {note}" for note in row.notes)] if row.notes else []
    return "\n".join(lines) + "\n"


def _demand_line(row: Row, demand: Demand) -> str:
    met = "" if demand.is_met else "**short**"
    bound, measured = (f"{each:.2f} {demand.unit}" for each in (demand.bound, demand.measured))
    return f"| {row.name}: {demand.what} | {demand.sense} {bound} | {measured} | {met} |"


def _figure_line(figure: Figure) -> str:
    digits = 0 if figure.value > WHOLE else 2
    value = f"{figure.value:,.{digits}f} {figure.unit}"
    service = _part([each.service_busy for each in figure.readings])
    load = _part([each.load_busy for each in figure.readings])
    return f"| {figure.of} | {value} | {service} | {load} | {figure.lacks} |"


def _part(parts: Sequence[float | None]) -> str:
    known = [each for each in parts if each is not None]
    return f"{mean(known):.0%}" if known else ""
