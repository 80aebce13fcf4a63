"""A full disk, as the libraries report it."""

import errno

FULL = (errno.ENOSPC, errno.EDQUOT)
# NumPy and DuckDB say it in words only.
WORDS = ("No space left on device", "Not enough free space", "Disk quota exceeded")


def is_full(error: BaseException | None) -> bool:
    """Whether this error, or one that led to it, is a full disk."""
    while error is not None:
        if getattr(error, "errno", None) in FULL or any(words in str(error) for words in WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False
