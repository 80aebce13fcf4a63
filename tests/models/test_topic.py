"""Topics: every fact has one, and what they weigh adds up to the prediction."""

import lightgbm as lgb
import numpy as np
import pytest

from features.catalogue import FAMILIES
from features.reader import facts_of, names_of
from models.explainer import Explainer
from models.learner import boost
from models.topic import (
    CONFIDENTIAL,
    EVERYONE,
    FILE,
    SERVICE,
    TOPICS,
    TRIAL,
    audiences_of,
    grouping,
    kin_of,
    topic_effects,
    topics_of,
)

NAMES = names_of()


def booster(names: tuple[str, ...]) -> lgb.Booster:
    random = np.random.default_rng(2)
    values = random.gamma(1.0, 10.0, size=(600, len(names)))
    return boost(
        values, (values.sum(axis=1) > values.sum(axis=1).mean()).astype(float), names, "binary", trees=40
    )


def test_every_family_of_the_catalogue_belongs_to_one_topic() -> None:
    claimed = [family for topic in TOPICS for family in topic.families]
    assert sorted(claimed) == sorted(family.name for family in FAMILIES), (
        "a new family needs a line in models/topic.py"
    )


def test_every_fact_has_a_topic_and_what_a_topic_takes_of_other_families_is_there() -> None:
    assert TRIAL not in topics_of(NAMES)
    kins = {kin_of(fact) for fact in facts_of(FAMILIES)}
    assert {kin for topic in TOPICS for kin in topic.facts} | set(CONFIDENTIAL) <= kins
    taken = [kin for topic in TOPICS for kin in topic.facts]
    assert len(taken) == len(set(taken))


def test_topics_can_be_told_apart_in_both_languages() -> None:
    assert 15 <= len(TOPICS) <= 23
    for words in zip(*((topic.name, topic.english, topic.chinese) for topic in TOPICS), strict=True):
        assert len(set(words)) == len(TOPICS)
    assert all(topic.english.isascii() and not topic.chinese.isascii() for topic in TOPICS)


def test_the_effects_of_all_topics_make_the_prediction() -> None:
    model = booster(NAMES)
    values = np.random.default_rng(3).gamma(1.0, 10.0, size=(50, len(NAMES)))
    values[np.random.default_rng(4).uniform(size=values.shape) < 0.2] = np.nan
    told = Explainer(model)(values)
    effects = topic_effects(told, NAMES)
    expected = np.asarray(model.predict(values, pred_contrib=True))[:, -1]
    raw = np.asarray(model.predict(values, raw_score=True))
    assert effects.sum(axis=1) + expected == pytest.approx(raw, abs=1e-9)
    for k, topic in enumerate(grouping(NAMES).topics):
        own = [place for place, each in enumerate(topics_of(NAMES)) if each is topic]
        assert effects[:, k] == pytest.approx(told[:, own].sum(axis=1), abs=1e-12)


def test_a_fact_that_the_catalogue_does_not_have_is_on_trial_and_for_those_who_serve() -> None:
    names = ("orders_91d", "idea")
    assert [topic.name for topic in topics_of(names)] == ["orders", "trial"]
    assert audiences_of(names) == (EVERYONE, SERVICE)
    assert topic_effects(np.array([[1.0, 2.0]]), names).tolist() == [[1.0, 2.0]]


def test_the_catalogues_sensitivity_says_who_may_hear_a_value() -> None:
    audience = dict(zip(NAMES, audiences_of(NAMES), strict=True))
    for fact in facts_of(FAMILIES):
        if fact.fact.sensitivity != "derived":
            assert audience[fact.name] == {"personal": FILE, "sensitive": SERVICE}[fact.fact.sensitivity]
    assert audience["sales_margin_91d"] == audience["contacts_held_back_364d"] == SERVICE
    assert audience["orders_91d"] == audience["days_since_last_order"] == EVERYONE
