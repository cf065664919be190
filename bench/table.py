"""Result files -> the tables of docs/performance.md: every number there comes from a file beside it.

A row shows the median rate (or time) and, against the first contender of its case,

    ratio = time per unit of work / that of inkdiff,      median (least to greatest over the rounds),

so that above 1 inkdiff is the faster one. Bars that are missed and peers that win are listed again under the
table.

Reference: `measure.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from inkdiff._core.files import atomic_write

from . import BENCHMARKS

__all__ = ["BEGIN", "END", "lines", "load", "read", "rewrite"]

BEGIN, END = "<!-- tables: begin (made by `inkdiff bench --table`) -->", "<!-- tables: end -->"
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))


def load(folder: Path, *, quick: bool = False) -> list[dict[str, Any]]:
    """The results in a folder, by machine and in the order of BENCHMARKS; small runs only if `quick`.

    Raises
    ------
    ValueError
        If a file is no result file.
    """
    results = [read(path) for path in sorted(folder.glob("*.json"))]
    kept = [result for result in results if quick or result["scale"] == 1.0]
    return sorted(kept, key=lambda result: (result["name"], BENCHMARKS.index(result["what"])))


def read(path: Path) -> dict[str, Any]:
    """One result file; ValueError if it is none."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not a result file of the benchmarks: {error}") from None
    if not isinstance(result, dict) or result.get("schema") != 1 or result.get("what") not in BENCHMARKS:
        raise ValueError(f"{path} is not a result file of the benchmarks (schema 1); remove it or run them again.")
    return result


def rewrite(document: Path, results: Iterable[dict[str, Any]]) -> None:
    """Put the tables between the two marks of a Markdown file.

    Raises
    ------
    ValueError
        If the marks are not there, once each and in order.
    """
    text = document.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document} has no place for the tables: it needs the lines\n{BEGIN}\n{END}")
    with atomic_write(document, "w") as file:
        file.write("\n".join([before + begin, "", *lines(results), "", end + after]))


def lines(results: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Markdown, one section per machine."""
    machines: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        machines.setdefault(result["name"], []).append(result)
    for index, group in enumerate(machines.values()):
        if index:
            yield ""
        yield from _section(group)


def _section(group: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield f"### {_heading(group[0]['machine'])}"
    yield ""
    yield from _facts(group)
    yield ""
    yield "| work | threads | who | how | median | time / first's (least to greatest) | bar |"
    yield "|---|---|---|---|---|---|---|"
    for result in group:
        for case in result["cases"]:
            yield from _rows(case)
    verdicts = [verdict for result in group for case in result["cases"] for verdict in _verdicts(case)]
    if verdicts:
        yield ""
        yield "Bars missed, and where a peer wins:"
        yield ""
        yield from (f"- {verdict}" for verdict in verdicts)
    notes = dict.fromkeys(note for result in group for case in result["cases"] for note in case["notes"])
    if notes:
        yield ""
        yield from (f"- {note}" for note in notes)


def _heading(about: dict[str, Any]) -> str:
    compiled = f", compiled for {about['compiled_for']}" if about["compiled_for"] else ""
    gpu = f", {about['gpu'][0]}" if about["gpu"] else ""
    vectors = f"{about['vector_bits']}-bit vectors{compiled}"
    return f"{about['cpu']} ({about['architecture']}), {vectors}, {about['cores']} cores{gpu}"


def _facts(group: Sequence[dict[str, Any]]) -> Iterator[str]:
    about = group[0]["machine"]
    versions = {name: version for result in group for name, version in result["machine"]["versions"].items()}
    vectors = next((v for result in group if (v := result["machine"]["torch_vectors"])), None)
    loads = [case["load"] for result in group for case in result["cases"] if case["load"] is not None]
    days = sorted({result["date"] for result in group})
    commits = sorted({str(result["machine"]["commit"]) for result in group})
    coretype = about["openblas_coretype"] or "not set"
    blas = f"{'; '.join(about['blas']) or 'unknown'}, OPENBLAS_CORETYPE {coretype}"
    yield (
        f"inkdiff {about['inkdiff']} at {', '.join(commits)}; "
        f"{' to '.join(dict.fromkeys([days[0], days[-1]]))}; {about['system']}, Python {about['python']}, "
        f"{', '.join(f'{name} {version}' for name, version in versions.items())}; "
        f"torch's vectors: {vectors or 'not asked'}; C compiler: {about['compiler'] or 'none'}; "
        f"BLAS: {blas}; "
        f"medians of {', '.join(sorted({str(result['repeats']) for result in group}))} rounds; "
        f"load before a run at most {max(loads, default=0):g}."
    )


def _rows(case: dict[str, Any]) -> Iterator[str]:
    bars = {aim["contender"]: aim for aim in case["aims"]}
    for index, (name, record) in enumerate(case["contenders"].items()):
        work, threads = (case["title"], str(case["threads"])) if index == 0 else ("", "")
        cells = [
            work,
            threads,
            name,
            record["how"],
            _median(record, case["unit"]),
            _ratio(record),
            _bar(bars.get(name)),
        ]
        yield f"| {' | '.join(cells)} |"


def _median(record: dict[str, Any], unit: str) -> str:
    if "bytes" in record:
        return f"{record['bytes']['median']:.1f} bytes each"
    if record["work"] == 1:
        return _seconds(record["seconds"]["median"])
    return f"{_prefixed(record['rate'])} {unit}/s"


def _seconds(seconds: float) -> str:
    for factor, unit in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def _prefixed(value: float) -> str:
    factor, prefix = next((pair for pair in _PREFIXES if value >= pair[0]), _PREFIXES[-1])
    return f"{value / factor:.3g} {prefix}".rstrip()


def _ratio(record: dict[str, Any]) -> str:
    ratio = record["ratio"]
    if ratio is None:
        return ""
    return f"{ratio['median']:.3g} ({ratio['least']:.3g} to {ratio['greatest']:.3g})"


def _bar(aim: dict[str, Any] | None) -> str:
    if aim is None:
        return ""
    bound = _seconds(aim["bound"]) if aim["of"] == "seconds" else f"{aim['bound']:.3g}"
    return f"{aim['relation']} {bound}: {'met' if aim['met'] else 'missed'}"


def _verdicts(case: dict[str, Any]) -> Iterator[str]:
    where = f"{case['title']}, {case['threads']} thread{'s' * (case['threads'] > 1)}"
    for aim in case["aims"]:
        if not aim["met"]:
            value = _seconds(aim["measured"]) if aim["of"] == "seconds" else f"{aim['measured']:.3g}"
            yield f"{where}: {aim['contender']} {value}, bar {_bar(aim).partition(':')[0]}."
    aimed = {aim["contender"] for aim in case["aims"]}
    for name, record in case["contenders"].items():
        if record["kind"] == "peer" and name not in aimed and record["ratio"] and record["ratio"]["median"] < 1:
            yield f"{where}: {name} is faster, {record['ratio']['median']:.3g} of inkdiff's time."
