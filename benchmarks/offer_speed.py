"""Forty offers for one customer are scored within a millisecond, for 3,000,000 customers within ten minutes.

Response and effect of every offer for every customer, by models of the shape that training publishes, learnt
from made contacts: alone, customer by customer (the median call counts), and in batches, on one thread. The
last line of the output is one JSON object.
"""

import argparse
import json
import platform
import resource
import time
from importlib.metadata import version

import numpy as np
import numpy.typing as npt

from models.contact import CONTACT_NAMES, EFFECT_FACTS, OFFER_TERMS, offer_facts, terms_of
from models.effect import OfferModels, predict_offers
from models.learner import boost
from models.offer_past import RESPONSE, RESPONSE_TREES
from models.trial import Trial
from models.uplift_learner import LEARNERS
from tables.contract import OFFER_KINDS
from tables.offer import Offer

Floats = npt.NDArray[np.float64]
TAUGHT, CALLS = 20_000, 400
GOAL_MS, GOAL_MINUTES, BASE = 1.0, 10.0, 3_000_000


def made_facts(customers: int, seed: int) -> Floats:
    random = np.random.default_rng(seed)
    values = random.gamma(1.0, 10.0, (customers, len(EFFECT_FACTS)))
    values[random.random(values.shape) < 0.1] = np.nan
    return values


def made_models(learner: str, terms: Floats) -> OfferModels:
    random = np.random.default_rng(1)
    own, offer = made_facts(TAUGHT, 2), random.integers(len(terms), size=TAUGHT)
    pairs = np.column_stack([own, offer_facts(own, terms[offer][:, None])[:, 0]])
    redeemed = (np.nan_to_num(own[:, 0]) + random.normal(size=TAUGHT) * 10 > 12).astype(np.float64)
    response = boost(pairs, redeemed, CONTACT_NAMES, "binary", trees=RESPONSE_TREES, parameters=RESPONSE)
    contacted = (random.random(TAUGHT) < 0.8).astype(np.float64)
    trial = Trial(
        facts=own, offer=offer, terms=terms, contacted=contacted,
        outcome=redeemed * contacted + random.normal(size=TAUGHT), chance=np.full(TAUGHT, 0.8),
        groups=np.arange(TAUGHT), periods=np.zeros(TAUGHT, np.int64), names=EFFECT_FACTS,
        offer_names=OFFER_TERMS,
    )  # fmt: skip
    return OfferModels(response, LEARNERS[learner](trial), 5_000.0, "")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=50_000)
    parser.add_argument("--offers", type=int, default=40)
    parser.add_argument("--learners", default="shared,s,dr")
    options = parser.parse_args()
    offers = [
        Offer(f"o{k}", OFFER_KINDS[k % len(OFFER_KINDS)], "", reward=100 * k, cost=80 * k)
        for k in range(options.offers)
    ]
    terms, told = terms_of(offers), made_facts(options.customers, 3)
    figures = {}
    for learner in options.learners.split(","):
        models = made_models(learner, terms)
        calls = []
        for row in range(CALLS):
            begun, cpu = time.perf_counter(), time.process_time()
            predict_offers(models, told[row : row + 1], terms)
            calls.append((time.perf_counter() - begun, time.process_time() - cpu))
        begun, cpu = time.perf_counter(), time.process_time()
        predict_offers(models, told, terms)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        figures[learner] = {
            "one customer, ms": round(float(np.median(calls, axis=0)[0]) * 1e3, 3),
            "one customer, ms of processor": round(float(np.median(calls, axis=0)[1]) * 1e3, 3),
            "us a customer": round(seconds / options.customers * 1e6, 1),
            "us of processor a customer": round(cpu / options.customers * 1e6, 1),
            "minutes for 3,000,000": round(seconds / options.customers * BASE / 60, 2),
        }
    ours = next(iter(figures))
    print(
        json.dumps(
            {
                "claim": (__doc__ or "").splitlines()[0],
                "size": {"customers": options.customers, "offers": options.offers, "calls": CALLS},
                "ours": figures[ours],
                "peers": {name: each for name, each in figures.items() if name != ours},
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "versions": {"python": platform.python_version(), "lightgbm": version("lightgbm")},
                "holds": figures[ours]["one customer, ms"] <= GOAL_MS
                and figures[ours]["minutes for 3,000,000"] <= GOAL_MINUTES,
            }
        )
    )


if __name__ == "__main__":
    main()
