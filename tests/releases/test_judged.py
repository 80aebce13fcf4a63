"""The judged models of a bundle trained on the simulator, asked again at the last test moment."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from features.reader import FactTable, read_facts
from models.frame import base_at, churned_after, silent_through, value_over
from models.metric import auc
from models.scorer import Outlook, Scores
from models.value_range import SHARE
from releases.bundle import Bundle, read_bundle
from releases.home import Home
from tables.history import Histories, read_histories

Floats = npt.NDArray[np.float64]
MARGIN_RATE = 0.3


class Asked(NamedTuple):
    bundle: Bundle
    histories: Histories
    facts: FactTable
    moments: npt.NDArray[np.int64]
    scores: Scores
    outlook: Outlook


@pytest.fixture(scope="module")
def asked(published: Path) -> Asked:
    home = Home(published)
    bundle = read_bundle(home.bundles / home.published().bundle, home.key())
    histories = read_histories(home.current_base() / "histories")
    t = bundle.about["moments"]["test_at"][-1]
    facts = read_facts(histories, base_at(histories, bundle.question, t), t)
    scores = bundle.judged.score(facts.values, facts.names, (), t)
    outlook = bundle.judged.outlook(facts.values, facts.names, t, scores)
    return Asked(bundle, histories, facts, facts.moments, scores, outlook)


def test_what_was_judged_in_training_is_found_again(asked: Asked) -> None:
    """So who judges these models judges what training reported, and not models that knew the answer."""
    left = churned_after(asked.histories, asked.bundle.question, asked.facts.places, asked.moments)
    told = asked.bundle.about["churn"]["headline"]["model"]["auc"]
    assert len(left) == asked.bundle.about["churn"]["customers"]
    assert auc(asked.scores.churn, left, np.ones(len(left))) == pytest.approx(told[0], abs=1e-12)
    values, names, t = asked.facts.values, asked.facts.names, int(asked.moments[0])
    published = asked.bundle.scorer.score(values, names, (), t).churn
    assert auc(published, left, np.ones(len(left))) > told[0]  # these have seen what came


def test_four_in_five_customers_bring_a_value_within_their_interval(asked: Asked) -> None:
    ends = asked.moments + asked.bundle.question.horizon
    came = value_over(asked.histories, asked.facts.places, ends, 91, MARGIN_RATE)
    inside = (came >= asked.outlook.value_low) & (came <= asked.outlook.value_high)
    assert SHARE - 0.05 < inside.mean() < SHARE + 0.08
    told = asked.bundle.about["value"]["share_within_interval"]
    assert told[0] == pytest.approx(inside.mean(), abs=0.02)
    by_slice = asked.bundle.about["value"]["share_within_by_slice"]
    assert len(by_slice) >= 8
    assert min(high for _, _, high in by_slice.values()) > SHARE - 0.05


def test_the_shorter_horizon_is_promised_as_it_comes(asked: Asked) -> None:
    days = asked.bundle.judged.horizon_days
    silent = silent_through(asked.histories, 28, asked.facts.places, asked.moments)
    told = asked.outlook.by_horizon[:, days.index(28)]
    assert auc(told, silent, np.ones(len(silent))) > 0.7
    assert told.mean() == pytest.approx(silent.mean(), abs=0.06)
    assert (np.diff(asked.outlook.by_horizon, axis=1) <= 0).all()


def test_a_horizon_that_is_told_was_judged_and_the_others_say_why_not(asked: Asked) -> None:
    churn = asked.bundle.about["churn"]
    told = {f"{days}d" for days in asked.bundle.scorer.horizon_days} - {"91d"}
    assert set(churn["by_horizon"]) == told
    assert told | set(churn["horizons_left_out"]) == {"28d", "182d"}
