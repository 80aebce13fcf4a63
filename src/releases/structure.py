"""Whether a text is a LightGBM model that its loader survives.

The loader trusts what it reads: a wrong feature number or child makes it read foreign memory, half a file
ends the process. So the structure is checked before the loader sees it, beside the hash.
"""

import re
from typing import Any

import numpy as np

from tables.refusal import Refused

LISTS: dict[str, type] = {
    "split_feature": int,
    "threshold": float,
    "left_child": int,
    "right_child": int,
    "leaf_value": float,
}


def check_model_text(text: str, names: tuple[str, ...], where: str) -> None:
    """Raise Refused unless every tree is whole and refers only to its own nodes and to known features."""
    header, _, rest = text.partition("\nTree=")
    if not header.startswith("tree\n") or not rest or "end of trees" not in rest:
        raise Refused(f"{where}: not a whole LightGBM model text")
    found = re.search(r"^feature_names=(.*)$", header, re.MULTILINE)
    if not found or tuple(found[1].split(" ")) != names:
        raise Refused(f"{where}: the model's features are not the {len(names)} that the bundle names")
    most = re.search(r"^max_feature_idx=(\d+)$", header, re.MULTILINE)
    if not most or int(most[1]) != len(names) - 1:
        raise Refused(f"{where}: max_feature_idx is not {len(names) - 1}")
    body, _, _ = rest.partition("end of trees")
    blocks = body.split("\nTree=")
    sizes = re.search(r"^tree_sizes=(.*)$", header, re.MULTILINE)
    if not sizes or len(sizes[1].split(" ")) != len(blocks):
        raise Refused(f"{where}: {len(blocks)} trees, but another number of tree_sizes")
    for number, block in enumerate(blocks):
        _check_tree(block, len(names), f"{where}: tree {number}")


def _check_tree(block: str, features: int, where: str) -> None:
    fields = dict(line.split("=", 1) for line in block.split("\n")[1:] if "=" in line)
    try:
        leaves = int(fields["num_leaves"])
        values: dict[str, Any] = {
            name: np.array(fields.get(name, "").split(), kind) for name, kind in LISTS.items()
        }
    except (KeyError, ValueError) as error:
        raise Refused(f"{where}: cannot be read ({error})") from error
    if int(fields.get("num_cat", "0")) != 0:
        raise Refused(f"{where}: splits on categories, which this project's models never do")
    if leaves < 1 or len(values["leaf_value"]) != leaves:
        raise Refused(f"{where}: {leaves} leaves stated, {len(values['leaf_value'])} given")
    nodes = leaves - 1
    for name in ("split_feature", "threshold", "left_child", "right_child"):
        if len(values[name]) != nodes:
            raise Refused(f"{where}: {name} has {len(values[name])} entries, expected {nodes}")
    split = values["split_feature"]
    if nodes and (split.min() < 0 or split.max() >= features):
        raise Refused(f"{where}: split_feature names a feature that is not there")
    children = np.concatenate([values["left_child"], values["right_child"]])
    # Each node but the root and each leaf is the child of exactly one node.
    if sorted(children.tolist()) != sorted(
        [*range(1, nodes), *(~leaf for leaf in range(leaves if nodes else 0))]
    ):
        raise Refused(f"{where}: its children do not form a tree")
    if not np.isfinite(values["leaf_value"]).all():
        raise Refused(f"{where}: a leaf value is not finite")
