"""The page of the tour: one HTML file that needs nothing else, for a lecture hall without a network.

Figures are embedded as data URIs, base64(png) with 4 characters for 3 bytes; style is in the page; there is
no script. It is laid out for a phone and for a projector, and dark where the reader's system is dark.

Reference: L. Masinter, The "data" URL scheme, RFC 2397 (1998).
"""

from __future__ import annotations

import base64
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from inkdiff.cli.chapter import Chapter, Frame
from inkdiff.cli.report import Check
from inkdiff.cli.story import chapters, frame

__all__ = ["Part", "render"]

_STYLE = """
:root { color-scheme: light dark; --ink: #0a1f4d; --water: #ffffff; --soft: #eef4fb; --line: #c9d8ea; --text: #222; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #a9cbee; --water: #10151d; --soft: #1a222e; --line: #33425a; --text: #e4e8ee; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--water); color: var(--text);
  font: 1.125rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
header, main, footer { max-width: 62rem; margin: 0 auto; padding: 1rem clamp(1rem, 4vw, 2.5rem); }
h1 { font-size: clamp(1.9rem, 5vw, 3rem); line-height: 1.15; color: var(--ink); margin: 1.5rem 0 .5rem; }
h2 { font-size: clamp(1.4rem, 3.5vw, 2rem); color: var(--ink); margin: 0 0 .5rem; line-height: 1.2; }
p { max-width: 44rem; margin: .6rem 0; }
.lead { font-size: 1.25rem; }
section { border-top: 1px solid var(--line); padding: 2.2rem 0 1rem; }
figure { margin: 1.2rem 0; padding: .5rem; background: #fff; border: 1px solid var(--line);
  border-radius: 6px; }
figure img { display: block; width: 100%; height: auto; }
.verdict { display: inline-block; padding: .35rem .8rem; border-radius: 6px; background: var(--soft);
  font-weight: 600; }
.verdict.bad { background: #b3261e; color: #fff; }
.caution { background: var(--soft); border-left: 4px solid #E69F00; padding: .7rem 1rem;
  border-radius: 0 6px 6px 0; }
.caution b { display: block; }
.found { border-left: 4px solid #0072B2; padding-left: 1rem; }
.scroll { overflow-x: auto; }
summary { cursor: pointer; font-weight: 600; margin: .8rem 0; }
table { border-collapse: collapse; font-size: .95rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .9rem .25rem 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
td.bad { color: #d33; font-weight: 700; }
pre { overflow-x: auto; background: var(--soft); padding: .7rem; border-radius: 6px; font-size: .9rem; }
footer { font-size: .9rem; color: var(--text); opacity: .8; padding-bottom: 3rem; }
"""


@dataclass
class Part:
    """What one simulation left: checks, figures, sentences, and the error that stopped it, if any."""

    name: str
    checks: list[Check] = field(default_factory=list)
    figures: list[Path] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    error: str = ""


def render(parts: Sequence[Part], lang: str, *, seconds: float, command: str, version: str) -> str:
    """The page as text: title, verdict, one section per part."""
    words, texts = frame(lang), chapters(lang)
    sections = "\n".join(_section(part, texts.get(part.name, Chapter(part.name, ())), words) for part in parts)
    footer = words.footer.format(version=version, seconds=round(seconds), machine=platform.machine(), command=command)
    return f"""<!DOCTYPE html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>inkdiff: {escape(words.title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<header>
<h1>{escape(words.title)}</h1>
<p class="lead">{escape(words.lead)}</p>
{_verdict(parts, words)}
<p>{escape(words.reading)}</p>
</header>
<main>
{sections}
</main>
<footer>{escape(footer)}</footer>
</body>
</html>
"""


def _verdict(parts: Sequence[Part], words: Frame) -> str:
    checks = [check for part in parts for check in part.checks]
    failed = sum(not check.passed for check in checks)
    broken = sum(bool(part.error) for part in parts)
    verdict = words.some_failed if failed else words.all_passed
    text = verdict.format(total=len(checks), failed=failed)
    if broken:
        text = words.broken.format(broken=broken, parts=len(parts)) + " " + text
    return f'<p class="verdict{" bad" if failed or broken else ""}">{escape(text)}</p>'


def _section(part: Part, chapter: Chapter, words: Frame) -> str:
    pieces = [f"<h2>{escape(chapter.title)}</h2>"]
    pieces += [f"<p>{escape(paragraph)}</p>" for paragraph in chapter.paragraphs]
    if part.error:
        pieces.append(f'<p class="verdict bad">{escape(words.crashed)}</p><pre>{escape(part.error)}</pre>')
    pieces += [_figure(path, chapter.title) for path in part.figures]
    pieces += [f'<p class="found">{escape(sentence)}</p>' for sentence in part.sentences]
    if chapter.caution:
        pieces.append(f'<p class="caution"><b>{escape(words.caution)}</b>{escape(chapter.caution)}</p>')
    if part.checks:
        pieces.append(_table(part.checks, words))
    return f'<section id="{escape(part.name)}">\n' + "\n".join(pieces) + "\n</section>"


def _figure(path: Path, title: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<figure><img alt="{escape(title)}" src="data:image/png;base64,{data}"></figure>'


def _table(checks: Sequence[Check], words: Frame) -> str:
    good = sum(check.passed for check in checks)
    head = "".join(f"<th>{escape(column)}</th>" for column in words.columns)
    rows = "\n".join(_row(check, words) for check in checks)
    summary = escape(words.checks.format(passed=good, total=len(checks)))
    return (
        f"<details open><summary>{summary}</summary>\n"
        f'<div class="scroll"><table>\n<tr>{head}</tr>\n{rows}\n</table></div></details>'
    )


def _row(check: Check, words: Frame) -> str:
    expected = f"{check.expected:.5g}" if check.z is not None else f"{_SIGNS[check.relation]} {check.expected:.5g}"
    stderr = "" if check.stderr is None else f"{check.stderr:.2g}"
    z = "" if check.z is None else f"{check.z:+.2f}"
    cells = (check.name.replace("_", " "), f"{check.measured:.5g}", expected, stderr, z)
    verdict = f"<td>{words.passed}</td>" if check.passed else f'<td class="bad">{words.failed}</td>'
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + verdict + "</tr>"


_SIGNS = {"<=": "≤", ">=": "≥"}
