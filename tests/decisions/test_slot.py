"""Slots: the hour a customer is given to, never a quiet one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from decisions.slot import NO_SLOT, open_channels, slot_of
from tables.contract import CONTACT_CHANNELS

Make = Callable[..., Any]
SLOTS = [
    {"name": "morning", "chinese": "上午", "begin": "09:00", "end": "12:00"},
    {"name": "evening", "chinese": "晚上", "begin": "18:00", "end": "21:00"},
]
EMAIL, PHONE = CONTACT_CHANNELS.index("email"), CONTACT_CHANNELS.index("phone")
NAN = float("nan")


@pytest.mark.parametrize(
    ("begin", "end", "open_"),
    [
        ("21:00", "09:00", [True, True]),
        ("20:59", "09:00", [True, False]),
        ("21:00", "09:01", [False, True]),
        ("08:00", "22:00", [False, False]),
        ("12:00", "18:00", [True, True]),
    ],
)
def test_a_slot_that_touches_quiet_hours_is_closed(
    policy_of: Make, begin: str, end: str, open_: list[bool]
) -> None:
    policy = policy_of(slots=SLOTS, quiet_hours=[{"begin": begin, "end": end}])
    likes = np.array([[1.0, 0.0], [0.0, 1.0]])
    slots = slot_of(policy, np.array([EMAIL, EMAIL]), likes)
    expected = [next((k for k in (own, 1 - own) if open_[k]), NO_SLOT) for own in (0, 1)]
    assert slots.tolist() == expected
    assert (open_channels(policy) != 0) == any(open_)


def test_quiet_hours_of_a_channel_close_that_channel_only(policy_of: Make) -> None:
    quiet = [{"begin": "17:00", "end": "10:00", "channels": ["phone"]}]
    channels = [{"name": name, "chinese": "渠道"} for name in CONTACT_CHANNELS]
    policy = policy_of(slots=SLOTS, quiet_hours=quiet, channels=channels)
    assert slot_of(policy, np.array([EMAIL, PHONE]), np.zeros((2, 2))).tolist() == [0, NO_SLOT]
    assert int(open_channels(policy)) == 255 - 2**PHONE


def test_where_nothing_is_known_the_first_open_slot_is_taken(policy_of: Make) -> None:
    policy = policy_of(slots=SLOTS)
    hours = np.array([[NAN, NAN], [NAN, 0.1], [0.2, NAN]])
    assert slot_of(policy, np.array([EMAIL] * 3), hours).tolist() == [0, 1, 0]


def test_who_is_not_contacted_and_a_policy_without_slots_have_none(policy_of: Make) -> None:
    assert slot_of(policy_of(slots=SLOTS), np.array([-1]), np.zeros((1, 2))).tolist() == [NO_SLOT]
    assert slot_of(policy_of(), np.array([EMAIL]), np.empty((1, 0))).tolist() == [NO_SLOT]
    assert int(open_channels(policy_of())) == 255
