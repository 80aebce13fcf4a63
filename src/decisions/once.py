"""`once` as this room knows it."""

from tables.once import once

__all__ = ["once"]
