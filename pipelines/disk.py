"""A full disk, as the libraries report it."""

import errno
import re

FULL = (errno.ENOSPC, errno.EDQUOT)
# NumPy and DuckDB say it in words only; the last are those of an array of which a part was written.
WORDS = re.compile(
    r"No space left on device|Not enough free space|Disk quota exceeded|\d+ requested and \d+ written"
)


def is_full(error: BaseException | None) -> bool:
    """Whether this error, or one that led to it, is a full disk."""
    while error is not None:
        if getattr(error, "errno", None) in FULL or WORDS.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False
