"""What a churn model must beat: recency alone, logistic regression on RFM, and BG/NBD."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.frame import Frame
from models.purchase_process import Past, fit_bg_nbd, past_of
from models.question import Question
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
Inputs = Callable[[Frame], Floats]
LEAST_EXPECTED = 1e-9


def recency(train: Frame, question: Question) -> Inputs:
    """Days since the last order, in logarithms; shape (rows, 1)."""
    return lambda frame: np.asarray(np.log1p(frame.facts.column("days_since_last_order"))[:, None])


def rfm(train: Frame, question: Question) -> Inputs:
    """Recency, frequency, money over the base's window, tenure, in logarithms; shape (rows, 4)."""
    return lambda frame: np.log1p(rfm_columns(frame, question))


def rfm_columns(frame: Frame, question: Question) -> Floats:
    """Days since the last order, orders and spend over the base's window, days since the first order."""
    facts, days = frame.facts, question.base_days
    columns = [
        facts.column("days_since_last_order"),
        facts.column(f"orders_{days}d"),
        np.maximum(facts.column(f"spend_{days}d"), 0),
        facts.column("days_since_first_order"),
    ]
    return np.column_stack(columns)


def bg_nbd(train: Frame, question: Question) -> Inputs:
    """What BG/NBD says of the horizon: log-odds of no purchase, and the purchases expected, in logarithms; it
    is fitted on the latest moment of the training rows, where each customer stands once and is known best;
    shape (rows, 2). Raises Refused if that cannot be."""
    latest = train.facts.moments == train.facts.moments.max()
    model = fit_bg_nbd(_past(train.rows(latest)))

    def inputs(frame: Frame) -> Floats:
        past, days = _past(frame), question.horizon_days
        expected = np.maximum(model.expected_purchases(past, days), LEAST_EXPECTED)
        return np.column_stack([model.log_odds_quiet(past, days), np.log(expected)])

    return inputs


def _past(frame: Frame) -> Past:
    return past_of(frame.facts.values, frame.facts.names)


BASELINES: dict[str, Callable[[Frame, Question], Inputs]] = {
    "recency": recency,
    "rfm_logistic": rfm,
    "bg_nbd": bg_nbd,
}


def predict_baselines(train: Frame, test: Frame, question: Question) -> dict[str, Floats]:
    """Each baseline fitted on the training rows; its churn probabilities for the test rows.

    What BG/NBD says goes through a logistic regression too: by itself it knows nothing of the season, nor
    that only those who bought within the base's window are asked about. A base in which nobody buys twice
    has no BG/NBD.
    """
    found = {}
    for name, baseline in BASELINES.items():
        try:
            inputs = baseline(train, question)
        except Refused:
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(inputs(train), train.churned)
        found[name] = np.asarray(model.predict_proba(inputs(test)))[:, 1]
    return found
