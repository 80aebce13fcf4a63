"""The trees of a LightGBM model as arrays, read from its text."""

from collections.abc import Iterator
from typing import NamedTuple

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from models.leaf_lookup import NAN_LEFT, NAN_RIGHT, ZERO_RIGHT
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class Tree(NamedTuple):
    """Splits from the root on. left, right: the next split, or ~leaf. A row goes left if its value is not
    above the threshold. split_rows, leaf_rows: how many training rows came by."""

    fact: Integers
    threshold: Floats
    missing: Integers
    left: Integers
    right: Integers
    value: Floats
    split_rows: Floats
    leaf_rows: Floats

    def rows(self, node: int) -> float:
        return float(self.split_rows[node] if node >= 0 else self.leaf_rows[~node])

    def splits(self, node: int) -> int:
        """How many splits stand at and below a node; a leaf has a negative number."""
        return 0 if node < 0 else 1 + self.splits(self.left[node]) + self.splits(self.right[node])


def read_trees(booster: lgb.Booster) -> Iterator[Tree]:
    """Raises Refused for splits on categories, and for splits that no training row came by."""
    text: str = booster.model_to_string()
    for block in text.partition("\nend of trees")[0].split("\nTree=")[1:]:
        said = dict(line.partition("=")[::2] for line in block.split("\n"))
        yield _tree({name: said.get(name, "").split() for name in said})


def _tree(said: dict[str, list[str]]) -> Tree:
    def numbers(name: str) -> Floats:
        return np.array(said.get(name, []), np.float64)

    decision = numbers("decision_type").astype(np.int64)
    if (decision & 1).any():
        raise Refused("the model splits on categories; reasons need numbers")
    if (numbers("internal_count") <= 0).any():
        raise Refused("the model does not say how many rows came by its splits; train and promote a new one")
    # Bits 4 and 8 say what counts as missing (nothing, zero and nan, nan), bit 2 where it goes.
    kind, is_left = (decision >> 2) & 3, (decision >> 1) & 1
    threshold = numbers("threshold")
    # Where nothing counts as missing, LightGBM reads nan as zero.
    as_zero = np.where(threshold >= 0, NAN_LEFT, NAN_RIGHT)
    return Tree(
        fact=numbers("split_feature").astype(np.int64),
        threshold=threshold,
        missing=np.select([kind == 0, kind == 1], [as_zero, ZERO_RIGHT + is_left], NAN_RIGHT + is_left),
        left=numbers("left_child").astype(np.int64),
        right=numbers("right_child").astype(np.int64),
        value=numbers("leaf_value"),
        split_rows=numbers("internal_count"),
        leaf_rows=numbers("leaf_count"),
    )
