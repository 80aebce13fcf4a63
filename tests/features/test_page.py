"""The pages of the catalogue are those of the families as they are."""

import re
from pathlib import Path

from features.page import page

NAMED_BLOCK = re.compile(r"^`([\w./]+)`:\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_is_up_to_date(root: Path) -> None:
    written = (root / "docs/features.md").read_text(encoding="utf-8")
    assert written == page(), "run python -m features.page > docs/features.md"


def test_the_guide_shows_files_as_they_are(root: Path) -> None:
    blocks = NAMED_BLOCK.findall((root / "docs/adding_a_family.md").read_text(encoding="utf-8"))
    assert len(blocks) == 2
    for path, shown in blocks:
        assert shown == (root / path).read_text(encoding="utf-8"), path
