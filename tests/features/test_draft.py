"""A fact in draft, a SQL text over the tables as they were known, says what the loop over a history says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.draft import read_draft
from features.reader import read_facts
from tables.refusal import Refused

ORACLES = Path(__file__).parent / "oracles"
# Versions, withdrawals and mergers; lines with what was known of their product; responses to contacts.
TEXTS = ("order", "rhythm", "basket", "price", "quality", "profile", "contact", "response", "points")


def test_texts_of_many_moments_agree_with_the_families(
    random_base: Callable[..., Any], moments: tuple[int, ...], tmp_path: Path
) -> None:
    histories = random_base(5, customers=40).write(tmp_path)
    everyone = np.arange(len(histories))
    places, when = np.tile(everyone, len(moments)), np.repeat(moments, len(everyone))
    shuffled = np.random.default_rng(1).permutation(len(places))
    places, when = places[shuffled], when[shuffled]
    ours = read_facts(histories, places, when)
    found = set()
    for name in TEXTS:
        text = (ORACLES / f"{name}.sql").read_text()
        draft = read_draft(tmp_path / "tables", histories, places, when, text)
        assert np.array_equal(draft.moments, when)
        # An oracle says more windows than the catalogue keeps.
        for fact in set(draft.names) & set(ours.names):
            np.testing.assert_allclose(
                draft.column(fact), ours.column(fact), rtol=1e-9, atol=1e-9, err_msg=fact
            )
            found.add(fact)
    assert {"orders_91d", "categories_364d", "offers_redeemed_364d", "level"} <= found


def test_a_table_that_the_base_does_not_have_is_empty(
    random_base: Callable[..., Any], moments: tuple[int, ...], tmp_path: Path
) -> None:
    histories = random_base(6).write(tmp_path, without=("surveys", "transactions.channel"))
    text = """
        select customer_id, count(s.score) as answers, count(x.channel) as channels
        from everyone left join surveys s using (customer_id) left join transactions x using (customer_id)
        group by customer_id
    """
    draft = read_draft(tmp_path / "tables", histories, np.arange(len(histories)), moments[-1], text)
    assert draft.names == ("answers", "channels")
    assert not draft.values.any()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("select customer_id, nonsense from everyone", "nonsense"),
        ("select customer_id, 1 as one from everyone limit 1", "one row for each"),
        ("from everyone cross join (values (1), (2)) as v(x)", "several rows"),
        ("create or replace temp table x as select 1", "selects nothing"),
    ],
)
def test_a_text_that_is_no_fact_is_refused(
    random_base: Callable[..., Any], moments: tuple[int, ...], tmp_path: Path, text: str, says: str
) -> None:
    histories = random_base(7).write(tmp_path)
    with pytest.raises(Refused, match=says):
        read_draft(tmp_path / "tables", histories, np.arange(len(histories)), moments[-1], text)


def test_columns_of_other_rows_are_not_put_beside(random_base: Callable[..., Any], tmp_path: Path) -> None:
    histories = random_base(8).write(tmp_path)
    text = "select customer_id, 7.0 as seven from everyone"
    facts = read_facts(histories, np.arange(4), histories.last_at)
    sevens = read_draft(tmp_path / "tables", histories, np.arange(4), histories.last_at, text)
    beside = facts.beside(sevens)
    assert beside.names == (*facts.names, "seven")
    assert np.array_equal(beside.only(facts.names).values, facts.values, equal_nan=True)
    assert (beside.column("seven") == 7).all()
    for other in (sevens._replace(places=sevens.places[::-1]), facts):
        with pytest.raises(ValueError, match="same customers and moments"):
            facts.beside(other)
