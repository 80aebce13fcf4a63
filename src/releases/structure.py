"""Whether a text is a LightGBM model that its loader survives.

The loader trusts what it reads: a wrong feature number, child or size makes it read foreign memory, a number
it cannot read ends the process. So the text must follow, line by line, the grammar of the models that this
project trains, before the loader sees it.
"""

import re
from typing import Any

import numpy as np

from tables.refusal import Refused

OBJECTIVES = ("binary sigmoid:1", "regression", "tweedie")
INTEGER = r"-?\d{1,9}"
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d{1,3})?"
# A split between what is known and what is missing has no finite threshold.
THRESHOLD = rf"(?:{NUMBER}|inf)"
FEATURE_RANGE = re.compile(rf"none|\[{NUMBER}:{NUMBER}\]", re.ASCII)
# The lines of a tree in their order: name, the form of its entries, and how many there are.
ONE, NODES, LEAVES = "one", "nodes", "leaves"
LINES = (
    ("num_leaves", INTEGER, ONE),
    ("num_cat", INTEGER, ONE),
    ("split_feature", INTEGER, NODES),
    ("split_gain", NUMBER, NODES),
    ("threshold", THRESHOLD, NODES),
    ("decision_type", INTEGER, NODES),
    ("left_child", INTEGER, NODES),
    ("right_child", INTEGER, NODES),
    ("leaf_value", NUMBER, LEAVES),
    ("leaf_weight", NUMBER, LEAVES),
    ("leaf_count", INTEGER, LEAVES),
    ("internal_value", NUMBER, NODES),
    ("internal_weight", NUMBER, NODES),
    ("internal_count", INTEGER, NODES),
    ("is_linear", INTEGER, ONE),
    ("shrinkage", NUMBER, ONE),
)
ENTRIES = {form: re.compile(rf"{form}(?: {form})*", re.ASCII) for form in (INTEGER, NUMBER, THRESHOLD)}
# Bit 1 would be a split on categories, bits 4 and 8 say what missing is; there is no fourth kind of it.
DECISIONS = (0, 2, 4, 6, 8, 10)


def check_model_text(text: str, names: tuple[str, ...], where: str) -> None:
    """Raise Refused unless every tree is whole and refers only to its own nodes and to known features."""
    header, _, rest = text.partition("\n\nTree=")
    trees, whole, _ = rest.partition("end of trees")
    if not trees or not whole:
        raise Refused(f"{where}: not a whole LightGBM model text")
    blocks = [f"Tree={block}" for block in trees.split("\nTree=")]
    blocks[:-1] = [f"{block}\n" for block in blocks[:-1]]
    _check_header(header, names, where, [len(block.encode()) for block in blocks])
    for number, block in enumerate(blocks):
        _check_tree(block, number, len(names), f"{where}: tree {number}")


def _check_header(header: str, names: tuple[str, ...], where: str, sizes: list[int]) -> None:
    fields = dict(line.partition("=")[::2] for line in header.split("\n"))
    expected = {
        "tree": "",
        "version": "v4",
        "num_class": "1",
        "num_tree_per_iteration": "1",
        "label_index": "0",
        "max_feature_idx": str(len(names) - 1),
        "objective": fields.get("objective", ""),
        "feature_names": " ".join(names),
        **_constraints(fields, len(names)),
        "feature_infos": fields.get("feature_infos", ""),
        "tree_sizes": " ".join(map(str, sizes)),
    }
    for name, value in expected.items():
        if fields.get(name) != value:
            raise Refused(
                f"{where}: {name} is not {_short(value)}; came {_short(str(fields.get(name)))} "
                f"({len(names)} features, {len(sizes)} trees)"
            )
    if header.split("\n") != ["tree", *(f"{name}={value}" for name, value in list(expected.items())[1:])]:
        raise Refused(f"{where}: the lines before the trees are not those of this project's models")
    if expected["objective"] not in OBJECTIVES:
        raise Refused(f"{where}: the objective is none of {OBJECTIVES}; came {expected['objective']!r}")
    ranges = expected["feature_infos"].split(" ")
    if len(ranges) != len(names) or not all(map(FEATURE_RANGE.fullmatch, ranges)):
        raise Refused(f"{where}: feature_infos are not the ranges of {len(names)} features")


def _constraints(fields: dict[str, str], features: int) -> dict[str, str]:
    """The line of monotone constraints, which a model without any does not have."""
    name = "monotone_constraints"
    if name not in fields:
        return {}
    told = fields[name].split()
    sound = len(told) == features and set(told) <= {"-1", "0", "1"}
    return {name: " ".join(told) if sound else f"{features} of -1, 0 and 1"}


def _check_tree(block: str, number: int, features: int, where: str) -> None:
    values = _read_tree(block, number, where)
    nodes = int(values["num_leaves"][0]) - 1
    if values["num_cat"][0] or not np.isin(values["decision_type"], DECISIONS).all():
        raise Refused(f"{where}: splits on categories, which this project's models never do")
    if values["is_linear"][0]:
        raise Refused(f"{where}: has linear leaves, which this project's models never have")
    if not np.isfinite(values["leaf_value"]).all():
        raise Refused(f"{where}: a leaf value is not finite")
    split = values["split_feature"]
    if nodes and (split.min() < 0 or split.max() >= features):
        raise Refused(f"{where}: split_feature names a feature that is not there")
    children = np.concatenate([values["left_child"], values["right_child"]])
    parents = np.tile(np.arange(nodes), 2)
    # Each node but the root and each leaf is the child of exactly one node, which comes before it.
    expected = [*range(1, nodes), *(~leaf for leaf in range(nodes + 1 if nodes else 0))]
    if sorted(children.tolist()) != sorted(expected) or ((children >= 0) & (children <= parents)).any():
        raise Refused(f"{where}: its children do not form a tree")


def _read_tree(block: str, number: int, where: str) -> dict[str, Any]:
    """The entries of each of LINES, as many as there must be."""
    lines = block.split("\n")
    if [line.partition("=")[0] for line in lines] != ["Tree", *(name for name, _, _ in LINES), "", "", ""]:
        raise Refused(f"{where}: its lines are not those of a tree")
    if lines[0] != f"Tree={number}":
        raise Refused(f"{where}: stands out of order ({_short(lines[0])})")
    values: dict[str, Any] = {}
    nodes = 0
    for line, (name, form, many) in zip(lines[1:-3], LINES, strict=True):
        said = line.partition("=")[2]
        if said and not ENTRIES[form].fullmatch(said):
            raise Refused(f"{where}: {name} cannot be read ({_short(said)})")
        values[name] = np.array(said.split(), int if form == INTEGER else float)
        count = {ONE: 1, NODES: nodes, LEAVES: nodes + 1}[many]
        root_alone = name == "leaf_weight" and nodes == 0  # written without its weight
        if len(values[name]) != count and not root_alone:
            raise Refused(f"{where}: {name} has {len(values[name])} entries, expected {count}")
        if name == "num_leaves":
            nodes = int(values[name][0]) - 1
            if nodes < 0:
                raise Refused(f"{where}: num_leaves is not above 0")
    return values


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
