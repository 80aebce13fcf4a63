"""The holdout: a fair share by hash, the same for a customer whoever else is there."""

import numpy as np
import pytest

from decisions.holdout import is_held_out

IDS = np.array([f"C{number:06d}" for number in range(50_000)], dtype=object)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.2, 0.5])
def test_the_share_held_out_is_the_one_asked_for(share: float) -> None:
    spread = 4 * np.sqrt(share * (1 - share) / len(IDS))
    assert is_held_out(IDS, share, "2026").mean() == pytest.approx(share, abs=spread + 1e-12)


def test_a_customer_stays_where_it_was_when_the_base_changes() -> None:
    whole = is_held_out(IDS, 0.05, "2026")
    assert np.array_equal(is_held_out(IDS[::-7], 0.05, "2026"), whole[::-7])
    assert is_held_out(IDS[whole][:1], 0.05, "2026").all()


def test_a_larger_share_keeps_those_who_were_held_out() -> None:
    assert is_held_out(IDS, 0.2, "2026")[is_held_out(IDS, 0.05, "2026")].all()


def test_another_salt_draws_others() -> None:
    both = is_held_out(IDS, 0.1, "2026") & is_held_out(IDS, 0.1, "2027")
    assert both.mean() == pytest.approx(0.01, abs=0.002)
