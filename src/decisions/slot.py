"""When to speak: the part of the day a customer is given to, of those in which the channel is not silent."""

import numpy as np
import numpy.typing as npt

from decisions.policy import Policy
from decisions.reach import QuietHours, Slot
from tables.contract import CONTACT_CHANNELS
from tables.once import once

Floats = npt.NDArray[np.float64]
NO_SLOT = -1
LEAST = -1e300


@once
def open_slots(policy: Policy) -> npt.NDArray[np.bool_]:
    """Whether a channel may speak in a slot; shape (CONTACT_CHANNELS, slots)."""
    is_open = np.ones((len(CONTACT_CHANNELS), len(policy.slots)), dtype=bool)
    for quiet in policy.quiet_hours:
        silent = [CONTACT_CHANNELS.index(name) for name in quiet.channels or CONTACT_CHANNELS]
        for k, slot in enumerate(policy.slots):
            if _overlap(slot, quiet):
                is_open[silent, k] = False
    return is_open


def open_channels(policy: Policy) -> np.uint8:
    """Bits of the channels that may speak in some slot; all of them where the policy names no slots."""
    if not policy.slots:
        return np.uint8(2 ** len(CONTACT_CHANNELS) - 1)
    return np.uint8((open_slots(policy).any(axis=1) << np.arange(len(CONTACT_CHANNELS))).sum())


def slot_of(policy: Policy, channel: npt.NDArray[np.integer], hours: Floats) -> npt.NDArray[np.int8]:
    """The slot for a contact on each customer's channel (negative: no contact), NO_SLOT where there is none.

    hours: how much each customer is given to each slot, nan where that is not known, shape (customers,
    slots); of equals, and where nothing is known, the first that is open.
    """
    slot = np.full(len(channel), NO_SLOT, np.int8)
    if policy.slots:
        spoken = np.flatnonzero(channel >= 0)
        is_open = open_slots(policy)[channel[spoken]]
        liked = np.where(is_open, np.where(np.isnan(hours[spoken]), LEAST, hours[spoken]), -np.inf)
        slot[spoken] = np.where(is_open.any(axis=1), liked.argmax(axis=1), NO_SLOT)
    return slot


def _overlap(slot: Slot, quiet: QuietHours) -> bool:
    parts = [(quiet.begin, quiet.end)]
    if quiet.end < quiet.begin:  # over midnight
        parts = [(quiet.begin, "24:00"), ("00:00", quiet.end)]
    return any(slot.begin < end and begin < slot.end for begin, end in parts)
