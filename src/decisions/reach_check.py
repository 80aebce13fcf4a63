"""The critical reading of whom offers reach and when, and of what holdout and exploration can teach."""

from collections.abc import Iterator, Sequence

import numpy as np

from decisions.policy import Policy
from decisions.power import least_effect, least_share
from decisions.remark import VALUE_DAYS, Base, Remark
from decisions.setting import Where
from decisions.slot import open_slots
from tables.contract import CONTACT_CHANNELS
from tables.offer import Offer

# Policies are run once a week: a shorter rest is over before the next run.
RUN_DAYS = 7
LONG_REST = 182


def reach_remarks(policy: Policy, offers: Sequence[Offer], base: Base | None) -> Iterator[Remark]:
    yield from _slots(policy)
    yield from _rest(policy)
    yield from _named_offers(policy, offers)
    yield from _complaints(policy)
    yield from _exploration(policy)
    yield from _holdout(policy, base)


def _slots(policy: Policy) -> Iterator[Remark]:
    if not policy.slots:
        if policy.quiet_hours:
            says = "quiet hours without slots: no hour is chosen, and whoever sends must keep them"
            yield Remark("note", ("quiet_hours",), says)
        return
    is_open = open_slots(policy)
    there = [CONTACT_CHANNELS.index(channel.name) for channel in policy.channels] or [
        *range(len(CONTACT_CHANNELS))
    ]
    for k, slot in enumerate(policy.slots):
        if not is_open[there, k].any():
            says = f"{slot.name} lies within quiet hours on every channel: nothing is ever said in it"
            yield Remark("warning", ("slots", k), says)
    for c in there:
        if not is_open[c].any():
            name = CONTACT_CHANNELS[c]
            yield Remark("warning", ("slots",), f"no slot leaves {name} open: nothing is ever said on it")


def _rest(policy: Policy) -> Iterator[Remark]:
    if (rest := policy.rest) is None:
        return
    if rest.days <= RUN_DAYS:
        says = f"a rest of {rest.days} days is over before the next weekly run: nobody is left alone"
        yield Remark("warning", ("rest", "days"), says)
    if rest.days > LONG_REST:
        says = f"who rests hears nothing for {rest.days} days: that is long enough to be forgotten"
        yield Remark("warning", ("rest", "days"), says)


def _named_offers(policy: Policy, offers: Sequence[Offer]) -> Iterator[Remark]:
    """Occasions and the offer for everybody: offers nobody has, gestures that cost more than they may."""
    known = {offer.offer_id: offer for offer in offers}
    named: list[tuple[Where, str, int]] = [
        (("occasions", k, "offers"), name, occasion.worth)
        for k, occasion in enumerate(policy.occasions)
        for name in occasion.offers
    ]
    if policy.for_everybody:
        named.append((("for_everybody", "offer"), policy.for_everybody.offer, policy.for_everybody.worth))
    for where, name, worth in named:
        if offers and name not in known:
            yield Remark("error", where, f"no offer is called {name!r}")
        elif name in known:
            # What the business states a gesture to be worth is redeemed by everybody.
            left = worth - known[name].cost - known[name].contact_cost
            if left < policy.minimum_net_value:
                says = (
                    f"nobody gets {name} for its stated worth: {worth:,} less what it costs is {left:,}, "
                    f"and minimum_net_value is {policy.minimum_net_value:,}"
                )
                yield Remark("warning", where, says)
    if policy.occasions and not any(cap.kinds for cap in policy.caps):
        says = "greetings share the caps of all offers: a cap with `kinds` of their own keeps them rare"
        yield Remark("note", ("occasions",), says)


def _complaints(policy: Policy) -> Iterator[Remark]:
    selling = [kind for kind in policy.while_complaint_open if kind != "care"]
    if selling:
        says = f"{', '.join(selling)} goes on while a complaint is open: first it is solved"
        yield Remark("warning", ("while_complaint_open",), says)


def _exploration(policy: Policy) -> Iterator[Remark]:
    if (asked := policy.exploration) is None:
        says = "nothing is explored: the next training sees only what this one chose"
        yield Remark("note", (), says)
        return
    least = asked.share / asked.among * (1 - policy.holdout.share)
    says = (
        f"no offer that may be drawn is made with a propensity below {least:.3g}: a contact weighs at most "
        f"{1 / least:,.0f} in an evaluation"
    )
    yield Remark("note", ("exploration",), says)


def _holdout(policy: Policy, base: Base | None) -> Iterator[Remark]:
    holdout, where = policy.holdout, ("holdout",)
    if holdout.share == 0:
        says = "nobody is held out: what all offers together earn cannot be measured"
        yield Remark("warning", where, says)
    elif holdout.rotates_every_days is None:
        says = "the holdout never rotates: the same customers go without offers for ever"
        yield Remark("note", where, says)
    if base is None or not base.valued:
        return

    def money(minor: float) -> str:
        return f"{minor / base.minor_units:,.2f} {base.currency}"

    own = f"of {base.valued:,} customers"
    a_quarter = f"a customer in {VALUE_DAYS} days"
    if holdout.share:
        sees = least_effect(base.spread, base.valued, holdout.share)
        says = (
            f"a holdout of {holdout.share:.1%} {own} shows an effect of {money(sees)} {a_quarter} or more "
            "(found in 4 of 5 tries, at 95 %)"
        )
        yield Remark("note", (*where, "share"), says)
        if holdout.least_effect is not None and sees > holdout.least_effect:
            needed = least_share(holdout.least_effect, base.spread, base.valued)
            says = f"an effect of {money(holdout.least_effect)} {a_quarter} cannot be seen: " + (
                f"hold out {np.ceil(needed * 1000) / 1000:.1%}"
                if needed is not None
                else "no share of this base is enough; state a larger least_effect, or measure for longer"
            )
            yield Remark("warning", (*where, "least_effect"), says)
    if holdout.by_offer:
        told = [
            f"{money(least_effect(base.spread, part * base.valued, holdout.by_offer))} of one for {words}"
            for part, words in ((1.0, "everybody"), (0.1, "one in ten"))
        ]
        says = f"holding {holdout.by_offer:.1%} out of each offer shows effects from {told[0]}, {told[1]}"
        yield Remark("note", (*where, "by_offer"), f"{says} ({a_quarter})")
