"""What a churn model must beat: recency alone, and logistic regression on recency, frequency and money."""

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.frame import Frame
from models.question import Question

Floats = npt.NDArray[np.float64]


def recency_inputs(frame: Frame, question: Question) -> Floats:
    """Days since the last order, in logarithms; shape (rows, 1)."""
    return np.asarray(np.log1p(frame.facts.column("days_since_last_order"))[:, None])


def rfm_inputs(frame: Frame, question: Question) -> Floats:
    """Recency, frequency, money over the base's window, tenure, in logarithms; shape (rows, 4)."""
    facts, days = frame.facts, question.base_days
    columns = [
        facts.column("days_since_last_order"),
        facts.column(f"orders_{days}d"),
        np.maximum(facts.column(f"spend_{days}d"), 0),
        facts.column("days_since_first_order"),
    ]
    return np.asarray(np.log1p(np.column_stack(columns)))


BASELINES = {"recency": recency_inputs, "rfm_logistic": rfm_inputs}


def predict_baselines(train: Frame, test: Frame, question: Question) -> dict[str, Floats]:
    """Each baseline fitted on the training rows; its churn probabilities for the test rows."""
    return {
        name: np.asarray(
            make_pipeline(StandardScaler(), LogisticRegression())
            .fit(inputs(train, question), train.churned)
            .predict_proba(inputs(test, question))
        )[:, 1]
        for name, inputs in BASELINES.items()
    }
