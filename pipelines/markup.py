"""Text that came from data, made safe to stand in a page; and the two languages side by side."""

import html
from collections.abc import Sequence

# What XML does not allow, and what turns the direction of writing, is shown as a mark.
_BAD = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127, *range(8234, 8239), *range(8294, 8298)), "�")


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
