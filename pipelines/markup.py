"""Pages: text that came from data, made safe to stand in one; the two languages side by side; the shell."""

import html
from collections.abc import Iterable, Sequence
from pathlib import Path

# What XML does not allow, and what turns the direction of writing, is shown as a mark.
_BAD = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127, *range(8234, 8239), *range(8294, 8298)), "�")
# Stands at the head of every page: which of the languages is shown.
LANGUAGES = (
    '<div class="languages"><label for="say-en">English</label><label for="say-zh">中文</label>'
    '<label for="say-both">English + 中文</label></div>'
)


def document(title: str, parts: Iterable[str]) -> str:
    """A page that works offline and loads nothing; title: plain text, parts: markup."""
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8"/>',
        '<meta name="viewport" content="width=device-width"/>',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\"/>",
        f"<title>{text(title)}</title>",
        f"<style>{style}</style></head><body>",
        '<input class="choose" type="radio" name="say" id="say-en" checked="checked"/>',
        '<input class="choose" type="radio" name="say" id="say-zh"/>',
        '<input class="choose" type="radio" name="say" id="say-both"/>',
        "<main>",
        *parts,
        "</main></body></html>\n",
    ]
    return "\n".join(lines)


def text(said: object) -> str:
    """Escaped for content and for attributes in quotes."""
    return html.escape(str(said).translate(_BAD).encode("utf-8", "replace").decode("utf-8"), quote=True)


def both(english: str, chinese: str) -> str:
    """Plain texts in both languages; the page shows the one chosen."""
    return f'<span class="en">{text(english)}</span><span class="zh" lang="zh">{text(chinese)}</span>'


def row(cells: Sequence[str], kinds: Sequence[str] = ()) -> str:
    """A table's row of cells that are markup already; kinds: their classes."""
    return "<tr>" + "".join(_cell("td", cell, k, kinds) for k, cell in enumerate(cells)) + "</tr>"


def table(head: Sequence[str], rows: Sequence[str], kinds: Sequence[str] = ()) -> str:
    names = "".join(_cell("th", cell, k, kinds) for k, cell in enumerate(head))
    return f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cell(tag: str, cell: str, place: int, kinds: Sequence[str]) -> str:
    kind = kinds[place] if place < len(kinds) else ""
    return f'<{tag} class="{kind}">{cell}</{tag}>' if kind else f"<{tag}>{cell}</{tag}>"
