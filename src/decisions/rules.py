"""The rules that need no price, as a compiled loop over customers and offers.

Numba keeps the compiled loop as long as this file stays as it is, so all that the loop names stands here.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tables.compiled import compiled

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Bits = npt.NDArray[np.uint8]
# The rules in their order: the first that holds is the one that stands; the last is that none does.
(
    NOT_VALID,
    CONSENT_UNKNOWN,
    NO_CONSENT,
    OPTED_OUT,
    HELD_OUT_OF_OFFER,
    NOT_THE_DAY,
    NOT_ELIGIBLE,
    COMPLAINT_OPEN,
    RESTING,
    CAP_UNKNOWN,
    CAPPED,
    QUIET_HOURS,
    EFFECT_UNKNOWN,
    HARMS,
    NONE,
) = range(15)


class Rules(NamedTuple):
    """What the policy says of its offers. Of each offer, shape (offers,): whether it is valid now, is for
    everybody, sells something, the bits of its channels, and whether it is made on certain days only.
    is_open: bits of the channels that may speak at all. Of caps: the most contacts and the bits they close,
    shape (caps,), and the offers they are meant for, (caps, offers). Of occasions: within how many days and
    what they let an offer be worth, (occasions,), and their offers, (occasions, offers). meant: the offers of
    each rule of eligibility, (rules, offers). worth: of what is for everybody; is_consent_needed: 1 where a
    consent that is not known refuses."""

    is_valid: Flags
    is_given: Flags
    sells: Flags
    channels: Bits
    has_days: Flags
    is_open: int
    cap: Floats
    closes: Bits
    capped: Flags
    within: Floats
    occasion_worth: Floats
    occasion_offers: Flags
    meant: Flags
    worth: float
    is_consent_needed: int


class Person(NamedTuple):
    """What the rules look at of customers; shape (customers,), nan where not known, but for: contacts under
    each cap, (customers, caps); days_to each occasion, (customers, occasions); belongs: to whom each rule of
    eligibility lets its offers go, (rules, customers); held_out of single offers, (customers, offers), or
    (customers, 0) where there is no such holdout."""

    is_personalised: Floats
    consents: Floats
    open_complaints: Floats
    is_tired: Flags
    contacts: Floats
    days_to: Floats
    belongs: Flags
    held_out: Flags


@compiled
def apply_rules(  # noqa: PLR0912, PLR0915 a branch a rule; calls would cost one customer double
    rules: Any, person: Any, codes: Any, uplift: Any, response: Any, allowed: Any, why: Any
) -> None:
    """Fill allowed and why, shape (customers, offers), the latter with the rules' codes; state uplift and
    response where the policy does and no model."""
    customers, offers = uplift.shape
    every = np.uint8(255)
    for row in range(customers):
        opted_out = person.is_personalised[row] == 0.0
        unknown = np.isnan(person.consents[row])
        agreed = every if unknown else np.uint8(person.consents[row])
        for j in range(offers):
            for_all = opted_out and rules.is_given[j]
            worth, is_day = np.nan, not rules.has_days[j]
            for k in range(len(rules.within) - 1, -1, -1):
                if rules.occasion_offers[k, j] and person.days_to[row, k] <= rules.within[k]:
                    worth, is_day = rules.occasion_worth[k], True
            if for_all:
                worth = rules.worth
            if not np.isnan(worth) and (np.isnan(uplift[row, j]) or for_all):
                uplift[row, j], response[row, j] = worth, 1.0

            closed, uncounted, eligible = np.uint8(0), False, True
            for k in range(len(rules.cap)):
                if rules.capped[k, j]:
                    uncounted |= np.isnan(person.contacts[row, k])
                    if person.contacts[row, k] >= rules.cap[k]:
                        closed |= rules.closes[k]
            for k in range(len(rules.meant)):
                eligible &= person.belongs[k, row] or not rules.meant[k, j]
            theirs = rules.channels[j] & agreed
            speaking = theirs & np.uint8(rules.is_open)
            left = speaking & ~closed

            rule = NONE
            if not rules.is_valid[j]:
                rule = NOT_VALID
            elif unknown and rules.is_consent_needed:
                rule = CONSENT_UNKNOWN
            elif theirs == 0:
                rule = NO_CONSENT
            elif opted_out and not for_all:
                rule = OPTED_OUT
            elif person.held_out.shape[1] and person.held_out[row, j]:
                rule = HELD_OUT_OF_OFFER
            elif not is_day and not for_all:
                rule = NOT_THE_DAY
            elif not eligible and not for_all:
                rule = NOT_ELIGIBLE
            elif person.open_complaints[row] > 0.0 and rules.sells[j]:
                rule = COMPLAINT_OPEN
            elif person.is_tired[row] and rules.sells[j]:
                rule = RESTING
            elif speaking != 0 and uncounted:
                rule = CAP_UNKNOWN
            elif speaking != 0 and left == 0:
                rule = CAPPED
            elif speaking == 0:
                rule = QUIET_HOURS
            elif np.isnan(uplift[row, j]) or np.isnan(response[row, j]):
                rule = EFFECT_UNKNOWN
            elif uplift[row, j] < 0.0:
                rule = HARMS
            allowed[row, j] = left if rule == NONE else 0
            why[row, j] = codes[rule]
