"""All families, in the order of their columns."""

from typing import Any

from features.family import Family
from features.order import order

FAMILIES: tuple[Family[Any], ...] = (order,)
