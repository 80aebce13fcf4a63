"""`holdfast score --shadow VERSION`: a challenger in the shadow of the champion.

After a week is published, a registered version says of the same customers at the same moment, under the same
policy and at the same price of the budget, what it would have said and done. That is sealed beside the week,
delivered to nobody, and held against what happened when the horizon is over. A shadow that fails
harms no week. The service has no shadow.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from decisions.assess import IN_BASE, status_of
from decisions.choice import NOTHING, choose
from decisions.holdout import is_held_out
from features.consent import consent
from features.reader import read_facts
from pipelines.shadow_report import beside
from pipelines.terminal import bar
from pipelines.work import Work, pieces
from releases.bundle import Bundle
from releases.home import Home
from releases.shadow import SHADOW_SCHEMA, ShadowAbout, prune_shadows, write_shadow
from tables.refusal import Refused

AT_ONCE = 8_192
DEPTH = 0.2


@dataclass
class Shadow:
    """A version that was fetched, opened and replayed, ready to follow a week; spent, rows: so far."""

    bundle: Bundle
    model: str
    version: int
    run_id: str
    spent: float = 0.0
    rows: int = 0


def follow(home: Home, work: Work, shadow: Shadow, week: str, price: float) -> dict[str, Any]:
    """Score everybody again with the shadow's models; returns where it stands, and what it says in short."""
    if shadow.bundle.question != work.bundle.question:
        raise Refused(
            f"the shadow answers another question ({shadow.bundle.question.label}) than the week "
            f"({work.bundle.question.label}); nothing could be compared"
        )

    def about() -> ShadowAbout:
        return ShadowAbout(
            week=week,
            moment=work.t,
            model=shadow.model,
            version=shadow.version,
            run_id=shadow.run_id,
            question=asdict(shadow.bundle.question),
            price=price,
            spent=shadow.spent,
            customers=shadow.rows,
        )

    with bar("shadow") as progress:

        def parts() -> Iterator[pa.Table]:
            done = 0
            for places in work.places():
                for piece in pieces(places, AT_ONCE):
                    yield _rows(work, shadow, piece, price)
                    done += len(piece)
                    progress(done, len(work.histories))

        folder = write_shadow(home, work.key, parts(), about)
    prune_shadows(home)
    return {"shadow": folder.name, "version": shadow.version, **beside(home.weeks / week, folder)}


def _rows(work: Work, shadow: Shadow, places: npt.NDArray[np.int64], price: float) -> pa.Table:
    policy, offers, scorer = work.policy, work.offers, shadow.bundle.scorer
    facts = read_facts(work.histories, places, work.t)
    status = status_of(facts, shadow.bundle.question)
    inside = np.flatnonzero(status == IN_BASE)
    scores = scorer.score(facts.values[inside], facts.names, offers, work.t)
    consents = read_facts(work.histories, places[inside], work.t, (consent,)).values[:, 0]
    held = is_held_out(work.histories.ids[places], policy.holdout.share, policy.holdout.salt)
    choices = choose(scores, offers, consents, held[inside], policy, work.t, price)
    given = np.flatnonzero(choices.chosen != NOTHING)
    shadow.spent += float(choices.cost[given, choices.chosen[given]].sum())
    shadow.rows += len(places)
    ids = np.array([*(offer.offer_id for offer in offers), None], dtype=object)
    bands = np.array([band.name for band in policy.risk_bands], dtype=object)
    band = np.searchsorted([each.below for each in policy.risk_bands], scores.churn, side="right")

    def spread(values: Any, kind: Any) -> pa.Array:
        whole = np.full(len(places), None, dtype=object)
        whole[inside] = values
        return pa.array(whole, kind)

    columns = {
        "customer_id": pa.array(work.histories.ids[places], pa.string()),
        "status": pa.array(status, pa.string()),
        "churn_probability": spread(scores.churn, pa.float64()),
        "risk_band": spread(bands[band], pa.string()),
        "expected_value": spread(scores.value, pa.float64()),
        "chosen_offer": spread(ids[choices.chosen], pa.string()),
        "held_out": pa.array(held, pa.bool_()),
    }
    return pa.table({name: columns[name] for name in SHADOW_SCHEMA.names}, schema=SHADOW_SCHEMA)
