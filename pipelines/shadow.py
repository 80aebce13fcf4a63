"""`holdfast score --shadow VERSION`: a challenger in the shadow of the champion.

After a week is published, a registered version says of the same customers at the same moment, under the same
policy and at the same prices of its limits, what it would have said and done. That is sealed beside the week,
delivered to nobody, and held against what happened when the horizon is over. A shadow that fails
harms no week. The service's decisions are asked about afterwards (pipelines.shadow_decisions).
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from decisions.assess import IN_BASE, assess
from decisions.choice import NOTHING, Market, choose
from pipelines.shadow_report import beside
from pipelines.terminal import bar
from pipelines.work import Work, pieces
from releases.bundle import Bundle
from releases.home import Home
from releases.policy import FrozenPolicy
from releases.shadow import SHADOW_SCHEMA, ShadowAbout, prune_shadows, write_shadow
from tables.refusal import Refused

AT_ONCE = 8_192


@dataclass
class Shadow:
    """A version that was fetched, opened and replayed, ready to follow a week; spent, rows: so far."""

    bundle: Bundle
    model: str
    version: int
    run_id: str
    spent: float = 0.0
    rows: int = 0


def follow(
    home: Home, work: Work, shadow: Shadow, frozen: FrozenPolicy, week: str, market: Market
) -> dict[str, Any]:
    """Score everybody again with the shadow's models; returns where it stands, and what it says in short."""
    if shadow.bundle.question != work.bundle.question:
        raise Refused(
            f"the shadow answers another question ({shadow.bundle.question.label}) than the week "
            f"({work.bundle.question.label}); nothing could be compared"
        )

    # At the week's prices, and with no end of anything: what the week reserved is not the shadow's.
    free = market.at(market.prices, np.full(len(market.prices), np.inf))

    def about() -> ShadowAbout:
        return ShadowAbout(
            week=week,
            moment=work.t,
            model=shadow.model,
            version=shadow.version,
            run_id=shadow.run_id,
            question=asdict(shadow.bundle.question),
            prices=dict(zip(market.limits.names, market.prices.tolist(), strict=True)),
            spent=shadow.spent,
            customers=shadow.rows,
        )

    with bar("shadow") as progress:

        def parts() -> Iterator[pa.Table]:
            done = 0
            for places in work.places():
                for piece in pieces(places, AT_ONCE):
                    yield _rows(work, shadow, frozen, piece, free)
                    done += len(piece)
                    progress(done, len(work.histories))

        folder = write_shadow(home, work.key, parts(), about)
    prune_shadows(home)
    return {"shadow": folder.name, "version": shadow.version, **beside(home.weeks / week, folder)}


def _rows(
    work: Work, shadow: Shadow, frozen: FrozenPolicy, places: npt.NDArray[np.int64], market: Market
) -> pa.Table:
    policy, offers, bundle = work.policy, work.offers, shadow.bundle
    told = assess(work.histories, places, work.t, bundle.scorer, bundle.question, offers, policy)
    segments = told.standing.segments(policy, frozen.frozen)
    choices = choose(told.scores, offers, told.who, segments, policy, work.t, market)
    given = np.flatnonzero(choices.chosen != NOTHING)
    shadow.spent += float(choices.cost[given, choices.chosen[given]].sum())
    shadow.rows += len(places)
    scores, inside = told.scores, told.status == IN_BASE
    ids = np.array([*(offer.offer_id for offer in offers), None], dtype=object)
    bands = np.array([band.name for band in policy.risk_bands], dtype=object)
    band = np.searchsorted([each.below for each in policy.risk_bands], scores.churn, side="right")

    columns = {
        "customer_id": pa.array(work.histories.ids[places], pa.string()),
        "status": pa.array(told.status, pa.string()),
        "churn_probability": pa.array(scores.churn, pa.float64(), from_pandas=True),
        "risk_band": pa.array(bands.take(band, mode="clip"), pa.string(), mask=~inside),
        "expected_value": pa.array(scores.value, pa.float64(), from_pandas=True),
        "chosen_offer": pa.array(ids[choices.chosen], pa.string()),
        "held_out": pa.array(told.who.held_out, pa.bool_()),
    }
    return pa.table({name: columns[name] for name in SHADOW_SCHEMA.names}, schema=SHADOW_SCHEMA)
