"""Exact SHAP values of a model of shallow trees, for one row or for millions, by tables made once a model.

A tree is cut into groups of neighbouring leaves, which share their splits. A row's key in a group has one bit
a split; a table gives, for each of the group's facts, what its leaves add to that fact's value. So a row
costs one comparison a split, and one lookup a group and fact.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from models.leaf_table import tabulate
from models.tree import NAN_LEFT, NAN_RIGHT, ZERO, ZERO_LEFT, read_trees
from tables.compiled import compiled

Floats = npt.NDArray[np.float64]
# So many that a tree's tables are fetched seldom, so few that a tree's facts stay near.
ROWS_AT_ONCE = 1024
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
            explain(values[rows], self.tables, told[rows])

        starts = range(0, len(values), ROWS_A_TASK)
        threads = threads or os.cpu_count() or 1
        if len(starts) <= 1 or threads == 1:
            for start in starts:
                part(start)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(part, starts))
        return told


@compiled
def explain(values: Any, tables: Any, told: Any) -> None:  # noqa: PLR0912 a call a split would cost more than its work
    """Fill `told`. Facts are turned into rows, so that each loop below runs over customers side by side."""
    rows, facts = values.shape
    most = 1
    for tree in range(len(tables.split) - 1):
        most = max(most, tables.split[tree + 1] - tables.split[tree])
    size = min(rows, ROWS_AT_ONCE)
    value = np.empty((facts, size))
    total = np.empty((facts, size))
    left = np.empty((most, size), np.uint8)
    key = np.empty(size, np.uint16)
    for start in range(0, rows, ROWS_AT_ONCE):
        n = min(ROWS_AT_ONCE, rows - start)
        for fact in range(facts):
            for row in range(n):
                x = values[start + row, fact]
                value[fact, row] = 0.0 if abs(x) <= ZERO else x
                total[fact, row] = 0.0
        for tree in range(len(tables.split) - 1):
            first = tables.split[tree]
            for split in range(first, tables.split[tree + 1]):
                fact, threshold, missing = tables.fact[split], tables.threshold[split], tables.missing[split]
                k = split - first
                if missing == NAN_RIGHT:
                    for row in range(n):
                        left[k, row] = value[fact, row] <= threshold
                elif missing == NAN_LEFT:
                    for row in range(n):
                        left[k, row] = not value[fact, row] > threshold
                else:
                    side = missing == ZERO_LEFT
                    for row in range(n):
                        x = value[fact, row]
                        left[k, row] = side if np.isnan(x) or x == 0.0 else x <= threshold
            for group in range(tables.group[tree], tables.group[tree + 1]):
                for row in range(n):
                    key[row] = 0
                shift = np.uint16(0)
                for k in range(tables.tests[group], tables.tests[group + 1]):
                    split = tables.test[k]
                    for row in range(n):
                        key[row] |= np.uint16(left[split, row]) << shift
                    shift += np.uint16(1)
                begin = tables.begin[group]
                for k in range(tables.facts[group], tables.facts[group + 1]):
                    fact = tables.place[k]
                    for row in range(n):
                        total[fact, row] += tables.table[begin + key[row]]
                    begin += np.int64(1) << np.int64(shift)
        for row in range(n):
            for fact in range(facts):
                told[start + row, fact] = total[fact, row]
