"""What each leaf of a tree adds to each fact's SHAP value, tabulated by which of its splits a row passes.

The values are those of Lundberg, Erion and Lee (2018, "Consistent individualized feature attribution for
tree ensembles"), path-dependent. That a leaf's part depends only on which splits hold, so that it can be
tabulated, is from Yang (2021, "Fast TreeSHAP") and Wettenstein et al. (2025, "Woodelf").
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from models.leaf_lookup import Tables
from models.tree import Tree
from tables.compiled import compiled
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
# More bits mean fewer groups with larger tables; 7 was fastest of 6 to 9 (docs/decisions/0005).
KEY_BITS = 7
DEEPEST = 10
# A split on the way to a leaf, and whether the way goes left.
Step = tuple[int, bool]


def tabulate(trees: Iterable[Tree]) -> Tables:
    """Raises Refused for trees that are too deep."""
    trees = [tree for tree in trees if len(tree.fact)]
    group, tests, test, facts, place, begin = [0], [0], [], [0], [], [0]
    parts = []
    for tree in trees:
        for way, root in _groups(tree, 0, []):
            bits = [node for node, _ in way]
            leaves = list(_leaves(tree, root, []))
            bits += sorted({node for steps, _ in leaves for node, _ in steps})
            asked = list(dict.fromkeys(int(tree.fact[node]) for node in bits))
            table = np.zeros((len(asked), 1 << len(bits)))
            for steps, leaf in leaves:
                _add_leaf(tree, table, bits, asked, way + steps, leaf)
            parts.append(table.ravel())
            test += bits
            place += asked
            tests.append(len(test))
            facts.append(len(place))
            begin.append(begin[-1] + table.size)
        group.append(len(begin) - 1)
    nothing = np.empty(0)
    return Tables(
        split=np.cumsum([0, *(len(tree.fact) for tree in trees)]),
        fact=np.concatenate([nothing, *(tree.fact for tree in trees)]).astype(np.int64),
        threshold=np.concatenate([nothing, *(tree.threshold for tree in trees)]),
        missing=np.concatenate([nothing, *(tree.missing for tree in trees)]).astype(np.int64),
        group=np.array(group),
        tests=np.array(tests),
        test=np.array(test, np.int64),
        facts=np.array(facts),
        place=np.array(place, np.int64),
        begin=np.array(begin),
        table=np.concatenate([nothing, *parts]),
    )


def _groups(tree: Tree, node: int, way: list[Step]) -> Iterator[tuple[list[Step], int]]:
    """The highest nodes whose key has few enough bits, or single leaves, with the way to each."""
    if len(way) > DEEPEST:
        raise Refused(f"the model has trees deeper than {DEEPEST} splits; reasons need shallow ones")
    if node < 0 or len(way) + tree.splits(node) <= KEY_BITS:
        yield way, node
        return
    yield from _groups(tree, tree.left[node], [*way, (node, True)])
    yield from _groups(tree, tree.right[node], [*way, (node, False)])


def _leaves(tree: Tree, node: int, way: list[Step]) -> Iterator[tuple[list[Step], int]]:
    if node < 0:
        yield way, ~node
        return
    yield from _leaves(tree, tree.left[node], [*way, (node, True)])
    yield from _leaves(tree, tree.right[node], [*way, (node, False)])


def _add_leaf(
    tree: Tree, table: Floats, bits: list[int], asked: list[int], way: list[Step], leaf: int
) -> None:
    players = list(dict.fromkeys(int(tree.fact[node]) for node, _ in way))
    shares = np.ones(len(players))
    player = []
    for node, is_left in way:
        player.append(players.index(int(tree.fact[node])))
        child = tree.left[node] if is_left else tree.right[node]
        shares[player[-1]] *= tree.rows(child) / tree.rows(node)
    add_leaf(
        table,
        np.array([bits.index(node) for node, _ in way]),
        np.array([int(is_left) for _, is_left in way]),
        np.array(player),
        shares,
        np.array([asked.index(each) for each in players]),
        float(tree.value[leaf]),
    )


@compiled
def add_leaf(table: Any, bits: Any, wanted: Any, player: Any, shares: Any, slots: Any, value: float) -> None:
    """Add one leaf to the tables of its group, shape (facts, keys).

    bits, wanted, player, each of the splits on its way: its bit in the key, the bit's wanted value, and which
    of the way's distinct facts it asks. shares, slots, each of these facts: what share of the training rows
    passes its splits, and its place in the group.
    """
    players = len(shares)
    weight = np.empty(players)  # of an order in which k others come before
    weight[0] = 1.0 / players
    for k in range(1, players):
        weight[k] = weight[k - 1] * k / (players - k)
    gains = np.empty((1 << players, players))
    others = np.empty(players)
    for mask in range(1 << players):
        for own in range(players):
            # others[k]: of all ways in which k others are known, what share of rows arrives
            others[:] = 0.0
            others[0] = 1.0
            for other in range(players):
                if other == own:
                    continue
                known = (mask >> other) & 1
                for k in range(players - 1, 0, -1):
                    others[k] = others[k] * shares[other] + others[k - 1] * known
                others[0] *= shares[other]
            gain = 0.0
            for k in range(players):
                gain += weight[k] * others[k]
            gains[mask, own] = value * gain * (((mask >> own) & 1) - shares[own])
    for key in range(table.shape[1]):
        mask = (1 << players) - 1
        for step in range(len(bits)):
            if (key >> bits[step]) & 1 != wanted[step]:
                mask &= ~(1 << player[step])
        for own in range(players):
            table[slots[own], key] += gains[mask, own]
