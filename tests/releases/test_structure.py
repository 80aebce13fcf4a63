"""Model texts that would end LightGBM's process are refused before its loader sees them."""

import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from features.reader import names_of
from releases.structure import check_model_text
from tables.refusal import Refused

NAMES = names_of()
# Loads whatever it is given, as a process without the check would.
LOADER = """
import sys, lightgbm, numpy
booster = lightgbm.Booster(model_str=open(sys.argv[1]).read())
booster.predict(numpy.ones((4, booster.num_feature())))
"""
# Reads bundles' models as every job does: the check stands before the loader.
READER = """
import sys
from pathlib import Path
from releases.bundle import open_bundle
from tables.refusal import Refused
for folder in sys.argv[1:]:
    try:
        open_bundle(Path(folder))
    except Refused as refused:
        print("refused:", refused)
"""


@pytest.fixture(scope="module")
def text(sealed_bundle: Path) -> str:
    return (sealed_bundle / "value.txt").read_text()


def first(field: str, new: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    """Change the entries of a field of the first tree, and tree_sizes with them."""

    def change(text: str) -> str:
        match = re.search(rf"\n{field}=(.*)", text)
        assert match
        line = f"\n{field}={' '.join(new(match[1].split()))}"
        after = text[: match.start()] + line + text[match.end() :]
        grown = len(after) - len(text)
        return re.sub(r"tree_sizes=(\d+)", lambda size: f"tree_sizes={int(size[1]) + grown}", after)

    return change


def line(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


def entry(value: str) -> Callable[[list[str]], list[str]]:
    return lambda entries: [value, *entries[1:]]


def circle(text: str) -> str:
    """The root has two leaves; the other nodes are each other's children, where no row ever comes."""
    nodes = len(re.search(r"\nleft_child=(.*)", text)[1].split())  # type: ignore[index]
    assert nodes > 2
    left = [~0, *(~(k + 1) for k in range(1, nodes))]
    right = [~1, *(k + 1 for k in range(1, nodes - 1)), 1]
    text = first("left_child", lambda _: list(map(str, left)))(text)
    return first("right_child", lambda _: list(map(str, right)))(text)


CHANGES: dict[str, Callable[[str], str]] = {
    "a feature that is not there": first("split_feature", entry(str(len(NAMES)))),
    "a negative feature": first("split_feature", entry("-1")),
    "a child beyond the tree": first("left_child", entry("4000")),
    "a leaf beyond the tree": first("right_child", entry("-4000")),
    "a child that is its own parent": first("left_child", entry("0")),
    "a node twice": first("left_child", lambda entries: [entries[1], *entries[1:]]),
    "nodes in a circle": circle,
    "a threshold less": first("threshold", lambda entries: entries[1:]),
    "a leaf more": first("leaf_value", lambda entries: [*entries, "1"]),
    "leaves that do not fit": first("num_leaves", lambda entries: [str(int(entries[0]) + 1)]),
    "no leaves": first("num_leaves", entry("0")),
    "a leaf that is no number": first("leaf_value", entry("nan")),
    "a gain that cannot be read": first("split_gain", entry("1.2x")),
    "a weight that cannot be read": first("internal_weight", entry("1_0")),
    "a digit of another script": first("split_feature", entry("٣")),
    "a categorical split": first("num_cat", entry("1")),
    "a categorical decision": first("decision_type", entry("1")),
    "an unknown kind of missing": first("decision_type", entry("14")),
    "linear leaves": first("is_linear", entry("1")),
    "a wrong tree size": line("tree_sizes=", "tree_sizes=1"),
    "a tree size less": lambda text: re.sub(r"tree_sizes=\d+ ", "tree_sizes=", text),
    "another feature": line("feature_names=days", "feature_names=weeks"),
    "a feature more": lambda text: re.sub(r"max_feature_idx=\d+", "max_feature_idx=9999", text),
    "several classes": line("num_class=1", "num_class=3"),
    "several trees at once": line("num_tree_per_iteration=1", "num_tree_per_iteration=2"),
    "an unknown objective": line("objective=tweedie", "objective=unknown"),
    "a feature's range less": lambda text: re.sub(r"feature_infos=\S+ ", "feature_infos=", text),
    "a line more in the header": line("label_index=0", "label_index=0\naverage_output"),
    "a direction for one fact only": line("\nfeature_infos=", "\nmonotone_constraints=1\nfeature_infos="),
    "a direction that is none": line(
        "\nfeature_infos=", f"\nmonotone_constraints={' '.join(['2'] * len(NAMES))}\nfeature_infos="
    ),
    "a tree out of order": line("Tree=1\n", "Tree=5\n"),
    "a field twice": line("\nnum_cat=0", "\nnum_cat=0\nnum_cat=0"),
    "a field less": lambda text: re.sub(r"\nleaf_count=.*", "", text, count=1),
    "nothing": lambda text: "",
    "words": lambda text: "tree\nversion=v4\n",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_text_that_is_no_sound_model_is_refused(text: str, change: Callable[[str], str]) -> None:
    check_model_text(text, NAMES, "value")
    assert change(text) != text
    with pytest.raises(Refused, match=r"^value"):
        check_model_text(change(text), NAMES, "value")


def test_a_model_that_keeps_directions_is_sound(text: str) -> None:
    told = f"\nmonotone_constraints={' '.join(['1', '-1', *['0'] * (len(NAMES) - 2)])}\nfeature_infos="
    check_model_text(text.replace("\nfeature_infos=", told, 1), NAMES, "value")


def test_a_text_cut_anywhere_before_the_end_of_its_trees_is_refused(text: str) -> None:
    end = text.index("end of trees") + len("end of trees")
    for length in range(0, end, 97):
        with pytest.raises(Refused):
            check_model_text(text[:length], NAMES, "value")
    check_model_text(text[:end], NAMES, "value")


def test_whole_lines_deleted_or_doubled_before_the_end_of_the_trees_are_refused(text: str) -> None:
    trees, end, rest = text.partition("end of trees")
    lines = trees.split("\n")
    for k in random.Random(5).sample(range(len(lines)), 120):
        for changed in (lines[:k] + lines[k + 1 :], lines[: k + 1] + lines[k:]):
            with pytest.raises(Refused):
                check_model_text("\n".join(changed) + end + rest, NAMES, "value")


def test_texts_that_end_the_loaders_process_are_refused_by_a_process_that_lives_on(
    resealed: Callable[..., Path],
) -> None:
    crashing = ("a weight that cannot be read", "a wrong tree size", "a child beyond the tree")
    folders = [resealed("value.txt", CHANGES[name]) for name in crashing]
    command = [sys.executable, "-c", READER, *folders]
    read = subprocess.run(command, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    assert [line.split(":")[0] for line in read.stdout.splitlines()] == ["refused"] * 3


def test_without_the_check_such_a_text_ends_the_process(text: str, tmp_path: Path) -> None:
    """If LightGBM learns to refuse it, the check can be eased."""
    path = tmp_path / "model.txt"
    path.write_text(CHANGES["a weight that cannot be read"](text))
    ended = subprocess.run([sys.executable, "-c", LOADER, path], capture_output=True, check=False)
    assert ended.returncode < 0
