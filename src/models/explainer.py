"""Exact SHAP values of a model of shallow trees, for one row or for millions, by tables made once a model.

A tree is cut into groups of neighbouring leaves, which share their splits. A row's key in a group has one bit
a split; a table gives, for each of the group's facts, what its leaves add to that fact's value. So a row
costs one comparison a split, and one lookup a group and fact.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from models.leaf_lookup import look_up
from models.leaf_table import tabulate
from models.tree import read_trees

Floats = npt.NDArray[np.float64]
ROWS_A_TASK = 4096


class Explainer:
    """SHAP values of a model's raw score (log-odds for churn); equal for a row alone and among others."""

    def __init__(self, booster: lgb.Booster) -> None:
        self.facts: int = booster.num_feature()
        self.tables = tabulate(read_trees(booster))

    def __call__(self, values: Floats, *, threads: int | None = None) -> Floats:
        """values and answer: shape (rows, facts), in the model's columns."""
        values = np.asarray(values, np.float64)
        if values.ndim != 2 or values.shape[1] != self.facts:
            raise ValueError(f"values: expected {self.facts} columns, came shape {values.shape}")
        told = np.empty(values.shape)

        def part(start: int) -> None:
            rows = slice(start, start + ROWS_A_TASK)
            look_up(values[rows], self.tables, told[rows])

        starts = range(0, len(values), ROWS_A_TASK)
        threads = 1 if len(starts) <= 1 else threads or os.cpu_count() or 1
        if threads == 1:
            for start in starts:
                part(start)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(part, starts))
        return told
