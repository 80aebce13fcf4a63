"""Bundles: what was sealed answers as it did, and whatever was changed is refused."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from features.reader import FactTable
from models.effect import OfferModels
from models.question import Question
from models.scorer import Scorer
from releases.bundle import GOLDEN_OFFER, open_bundle, read_bundle, write_bundle
from releases.signature import sign
from tables.refusal import Refused
from tables.sealed import sealed_folder

Reseal = Callable[..., Path]


def test_a_bundle_answers_after_reading_as_before_writing(
    sealed_bundle: Path, key: bytes, scorer: Scorer, golden: FactTable
) -> None:
    bundle = read_bundle(sealed_bundle, key)
    values = np.random.default_rng(9).gamma(1.0, 10.0, size=(200, len(scorer.names)))
    for moment in (10**15, 10**15 + 364 * 86_400_000_000):
        before = scorer.score(values, scorer.names, (GOLDEN_OFFER,), moment)
        after = bundle.scorer.score(values, scorer.names, (GOLDEN_OFFER,), moment)
        for one, other in zip(before, after, strict=True):
            assert np.array_equal(one, other)
        for one, other in zip(
            scorer.outlook(values, scorer.names, moment, before),
            bundle.scorer.outlook(values, scorer.names, moment, after),
            strict=True,
        ):
            assert np.array_equal(one, other)
    assert bundle.scorer.horizon_days == (28, 91, 182)
    assert np.array_equal(
        bundle.scorer.contributions(values, scorer.names), scorer.contributions(values, scorer.names)
    )
    assert (bundle.name, bundle.question) == (sealed_bundle.name, Question())
    assert bundle.about == {"as_of": "2026-01-01"}


def test_the_judged_models_answer_after_reading_as_before_writing(
    sealed_bundle: Path, key: bytes, scorer: Scorer, judged: Scorer, golden: FactTable
) -> None:
    bundle = read_bundle(sealed_bundle, key)
    values = np.random.default_rng(9).gamma(1.0, 10.0, size=(200, len(scorer.names)))
    published = bundle.scorer.score(values, scorer.names, (GOLDEN_OFFER,), 10**15)
    for now, before, other in zip(
        bundle.judged.score(values, scorer.names, (GOLDEN_OFFER,), 10**15),
        judged.score(values, scorer.names, (GOLDEN_OFFER,), 10**15),
        published,
        strict=True,
    ):
        assert np.array_equal(now, before)
        assert not np.array_equal(now, other)


def test_the_judged_models_are_read_by_who_asks_only(
    tmp_path: Path, sealed_bundle: Path, key: bytes, golden: FactTable
) -> None:
    folder = shutil.copytree(sealed_bundle, tmp_path / sealed_bundle.name)
    bundle = read_bundle(folder, key)
    shutil.rmtree(folder / "judged")
    assert len(bundle.scorer.score(golden.values, golden.names, (), 0).churn) == 64
    with pytest.raises(Refused, match="no churn or no value model"):
        _ = bundle.judged


@pytest.mark.parametrize("model", ["churn", "value", "response", "uplift", "horizon_28"])
def test_a_changed_judged_model_is_refused_by_the_golden_rows(
    resealed: Reseal, key: bytes, model: str
) -> None:
    bundle = read_bundle(resealed(f"judged/{model}.txt", change_first("leaf_value", other_digit)), key)
    with pytest.raises(Refused, match=r"judged: on the golden rows, .* is not what it was when sealed"):
        _ = bundle.judged


def test_a_judged_model_that_the_loader_would_not_survive_is_refused_by_its_structure(
    resealed: Reseal, key: bytes
) -> None:
    bundle = read_bundle(resealed("judged/churn.txt", change_first("left_child", other_digit)), key)
    with pytest.raises(Refused, match="judged: churn: tree 0: its children do not form a tree"):
        _ = bundle.judged


def test_a_bundle_without_offer_models_says_why(
    tmp_path: Path, key: bytes, scorer: Scorer, golden: FactTable
) -> None:
    plain = replace(scorer, offer=OfferModels(None, None, 0.0, "no contacts"))
    with sealed_folder(tmp_path) as staged:
        write_bundle(staged.path, plain, plain, Question(28), {}, golden)
    sign(staged.path, key)
    bundle = read_bundle(staged.path, key)
    assert bundle.scorer.offer == bundle.judged.offer == plain.offer
    assert bundle.question.horizon_days == 28


def test_the_same_models_make_the_same_bundle(
    tmp_path: Path, sealed_bundle: Path, scorer: Scorer, judged: Scorer, golden: FactTable
) -> None:
    with sealed_folder(tmp_path) as staged:
        write_bundle(staged.path, scorer, judged, Question(), {"as_of": "2026-01-01"}, golden)
    assert staged.path.name == sealed_bundle.name


def test_a_bundle_of_another_installation_is_refused(sealed_bundle: Path) -> None:
    with pytest.raises(Refused, match="made with another key"):
        read_bundle(sealed_bundle, b"another key")


def test_a_bundle_without_signature_is_refused(tmp_path: Path, sealed_bundle: Path, key: bytes) -> None:
    folder = shutil.copytree(sealed_bundle, tmp_path / sealed_bundle.name)
    (folder / "signature").unlink()
    with pytest.raises(Refused, match="carries no signature"):
        read_bundle(folder, key)
    (folder / "signature").write_text("é" * 64)
    with pytest.raises(Refused, match="made with another key"):
        read_bundle(folder, key)


def test_a_bundle_that_is_not_there_is_refused(tmp_path: Path, key: bytes) -> None:
    with pytest.raises(Refused, match="not there; roll back or publish anew"):
        read_bundle(tmp_path / "none", key)


def test_a_flipped_bit_anywhere_is_refused(tmp_path: Path, sealed_bundle: Path, key: bytes) -> None:
    folder = shutil.copytree(sealed_bundle, tmp_path / sealed_bundle.name)
    random = np.random.default_rng(4)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        for _ in range(15):
            damaged = bytearray(whole)
            damaged[random.integers(0, len(whole.rstrip()))] ^= 1 << int(random.integers(0, 8))
            path.write_bytes(damaged)
            with pytest.raises(Refused):
                read_bundle(folder, key)
        path.write_bytes(whole)
    assert read_bundle(folder, key)


def change_first(field: str, change: Callable[[str], str]) -> Callable[[str], str]:
    """Change the first entry of a field of the first tree that has more than one leaf, keeping its length."""

    def changed(text: str) -> str:
        def entry(match: re.Match[str]) -> str:
            new = change(match[2])
            assert len(new) == len(match[2])
            return match[1] + new

        return re.sub(rf"(\n{field}=)([^ \n]+)", entry, text, count=1)

    return changed


def other_digit(entry: str) -> str:
    """The entry with its first digit above zero replaced."""
    return re.sub(r"[1-9]", lambda digit: "1" if digit[0] != "1" else "2", entry, count=1)


@pytest.mark.parametrize("model", ["churn", "value", "response", "uplift", "horizon_28", "horizon_182"])
@pytest.mark.parametrize("field", ["threshold", "leaf_value"])
def test_a_changed_number_in_a_model_is_refused_by_the_golden_rows(
    resealed: Reseal, key: bytes, model: str, field: str
) -> None:
    """The manifest and the signature are those of the changed text, and its structure is sound."""
    folder = resealed(f"{model}.txt", change_first(field, other_digit))
    with pytest.raises(Refused, match=r"on the golden rows, .* is not what it was when sealed"):
        read_bundle(folder, key)


@pytest.mark.parametrize("field", ["leaf_count", "internal_count"])
def test_a_changed_count_that_only_reasons_read_is_refused_by_the_golden_rows(
    resealed: Reseal, key: bytes, field: str
) -> None:
    folder = resealed("churn.txt", change_first(field, other_digit))
    with pytest.raises(Refused, match="on the golden rows, reason_"):
        read_bundle(folder, key)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"slope": 0.8', '"slope": 0.9'),
        ('"intercept": -0.1', '"intercept": 0.1'),
        ("500.0", "501.0"),
        ('"slope": 0.7', '"slope": 0.6'),
        ("0.2\n", "0.3\n"),
        ("9000.0", "9001.0"),
    ],
)
def test_a_changed_description_is_refused_by_the_golden_rows(
    resealed: Reseal, key: bytes, old: str, new: str
) -> None:
    folder = resealed("bundle.json", lambda text: text.replace(old, new))
    with pytest.raises(Refused, match="on the golden rows"):
        read_bundle(folder, key)


def test_a_horizon_that_follows_another_one_is_refused(resealed: Reseal, key: bytes) -> None:
    folder = resealed("bundle.json", lambda text: text.replace('"given": 91', '"given": 28'))
    with pytest.raises(Refused):
        read_bundle(folder, key)


def test_facts_named_in_another_order_are_refused(resealed: Reseal, key: bytes) -> None:
    def exchange(text: str) -> str:
        return (
            text.replace('"orders_7d"', '"-"')
            .replace('"orders_28d"', '"orders_7d"')
            .replace('"-"', '"orders_28d"')
        )

    with pytest.raises(Refused, match="feature_names"):
        read_bundle(resealed("bundle.json", exchange), key)


def test_a_bundle_without_its_churn_model_is_refused(tmp_path: Path, sealed_bundle: Path) -> None:
    folder = shutil.copytree(sealed_bundle, tmp_path / "b")
    (folder / "churn.txt").unlink()
    with pytest.raises(Refused, match="no churn or no value model"):
        open_bundle(folder)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    "name", ["bundle.json", "golden.parquet", "churn.txt", "uplift.txt", "horizon_182.txt"]
)
@pytest.mark.parametrize("damage", [cut, Path.unlink, lambda path: path.write_bytes(b"\xff\xfe")])
def test_a_damaged_file_from_the_model_registry_is_refused_before_anything_is_signed(
    tmp_path: Path, sealed_bundle: Path, name: str, damage: Callable[[Path], None]
) -> None:
    """What MLflow hands out has no hashes yet; only structure and golden rows stand for it."""
    folder = shutil.copytree(sealed_bundle, tmp_path / "b")
    damage(folder / name)
    with pytest.raises(Refused):
        open_bundle(folder)


def test_a_bundle_says_which_question_it_answers(
    tmp_path: Path, key: bytes, scorer: Scorer, golden: FactTable
) -> None:
    asked = Question(28, kind="contract", grace_days=14)
    plain = replace(scorer, horizons=None)
    with sealed_folder(tmp_path) as staged:
        write_bundle(staged.path, plain, plain, asked, {}, golden)
    sign(staged.path, key)
    bundle = read_bundle(staged.path, key)
    assert (bundle.question, bundle.scorer.horizon_days) == (asked, ())


def test_golden_rows_are_real_answers(sealed_bundle: Path) -> None:
    golden = pq.read_table(sealed_bundle / "golden.parquet")
    answers = {name: golden[name].to_numpy() for name in golden.column_names if name.startswith("answer:")}
    assert len(golden) == 64
    for name in ("churn", "value", "response", "uplift", "reason_1", "churn_28d", "churn_182d"):
        assert len(np.unique(answers[f"answer:{name}"])) > 5
