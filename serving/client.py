"""The service's client in Python, for whoever calls it from a till, a call centre or a page.

Needs httpx and nothing of Holdfast. A page must not wait for us: every question has a deadline, and when it
passes, or the service is away, the answer is the safe one: no offer, no score, `is_safe_answer` true. What
happened must not be lost: events are tried again under the same idempotency key, and `NotTaken` says when
they were not taken.
"""

import contextlib
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

SECONDS_FOR_AN_ANSWER = 0.5
SECONDS_FOR_EVENTS = 5.0
TRIES = 4
FIRST_PAUSE = 0.1
# The service is away, busy or broken; anything else is about the request.
AWAY = (429, 500, 502, 503, 504)


class ProblemError(Exception):
    """The request was refused (RFC 9457): `type` is stable, `errors` name the fields."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail", f"HTTP {status}")))
        self.status = status
        self.type = str(problem.get("type", ""))
        self.errors: list[Mapping[str, str]] = list(problem.get("errors", ()))
        self.customer_ids: list[str] = list(problem.get("customer_ids", ()))


class NotTaken(Exception):
    """The events may or may not have been taken: send them again, under the same key or event ids."""

    def __init__(self, key: str, cause: str) -> None:
        super().__init__(f"the service did not say that it took the events ({cause}); send them again: {key}")
        self.key = key


@dataclass(frozen=True)
class Offer:
    """Amounts in minor units of the currency."""

    offer_id: str
    name: str
    kind: str
    channel: str | None
    net_value: float | None
    cost: float | None
    why: str
    why_zh: str


@dataclass(frozen=True)
class Decision:
    """chosen: None where nothing is to be offered; offers: all, the best first, each with its why or why not;
    whole: the answer as it came."""

    customer_id: str
    decision_id: str | None = None
    chosen: Offer | None = None
    offers: tuple[Offer, ...] = ()
    is_safe_answer: bool = False
    whole: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Score:
    """churn_probability and expected_value (minor units) are None of whom the models do not speak; reasons:
    the words in English and Chinese, the strongest first."""

    customer_id: str
    status: str | None = None
    churn_probability: float | None = None
    expected_value: float | None = None
    risk_band: str | None = None
    reasons: tuple[tuple[str, str], ...] = ()
    is_safe_answer: bool = False
    whole: Mapping[str, Any] = field(default_factory=dict)


class Client:
    """For any number of threads. seconds: how long an answer may take in all, the connection included."""

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        seconds: float = SECONDS_FOR_AN_ANSWER,
        seconds_for_events: float = SECONDS_FOR_EVENTS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=url, headers=headers, transport=transport)
        self._seconds = seconds
        self._seconds_for_events = seconds_for_events

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def decide(self, customer_ids: Sequence[str], *, commit: bool | None = None) -> list[Decision]:
        """The next best offer of each, in their order; raises ProblemError for a request that is wrong.

        commit: whether what is chosen is going to be made; by default it is, and counts.
        """
        body: dict[str, Any] = {"customer_ids": list(customer_ids)}
        if commit is not None:
            body["commit"] = commit
        said = self._asked("POST", "/v1/next-best-offer", body)
        if said is None:
            return [Decision(each, is_safe_answer=True) for each in customer_ids]
        return [_decision(each) for each in said["customers"]]

    def score(self, customer_ids: Sequence[str]) -> list[Score]:
        """Raises ProblemError for a request that is wrong."""
        said = self._asked("POST", "/v1/score", {"customer_ids": list(customer_ids)})
        if said is None:
            return [Score(each, is_safe_answer=True) for each in customer_ids]
        return [_score(each) for each in said["customers"]]

    def customer(self, customer_id: str) -> Mapping[str, Any] | None:
        """What is known of a customer; None while the service is away."""
        return self._asked("GET", f"/v1/customers/{quote(customer_id, safe='')}")

    def published(self) -> Mapping[str, Any] | None:
        """What is published, and how fresh; None while the service is away."""
        return self._asked("GET", "/v1/published")

    def tell(self, events: Sequence[Mapping[str, Any]], *, key: str = "") -> Mapping[str, Any]:
        """Take what happened; raises NotTaken while the service is away, ProblemError for events that are
        wrong. key: of an attempt before, to go on from it."""
        return self._taken("/v1/events", {"events": list(events)}, key)

    def opt_out(
        self,
        customer_id: str,
        channels: Sequence[str] | None = None,
        *,
        personalised: bool | None = None,
        key: str = "",
    ) -> Mapping[str, Any]:
        """From the next request on the customer is not contacted on these channels (by default, on none at
        all); personalised=False: nothing is chosen from their data either."""
        body: dict[str, Any] = {"customer_id": customer_id}
        if channels is not None:
            body["channels"] = list(channels)
        if personalised is not None:
            body["personalised"] = personalised
        return self._taken("/v1/opt-out", body, key)

    def _asked(self, method: str, path: str, body: Any = None) -> dict[str, Any] | None:
        """The answer; None where the service is away or takes too long."""
        with contextlib.suppress(httpx.TransportError):
            response = self._http.request(method, path, json=body, timeout=self._seconds)
            if response.status_code not in AWAY:
                return _said(response)
        return None

    def _taken(self, path: str, body: Any, key: str) -> dict[str, Any]:
        key = key or str(uuid.uuid4())
        until, pause, cause = time.monotonic() + self._seconds_for_events, FIRST_PAUSE, "no time"
        for trial in range(TRIES):
            left = until - time.monotonic()
            if left <= 0:
                break
            try:
                response = self._http.post(path, json=body, timeout=left, headers={"Idempotency-Key": key})
                if response.status_code not in AWAY:
                    return _said(response)
                cause = f"HTTP {response.status_code}"
            except httpx.TransportError as error:
                cause = type(error).__name__
            if trial < TRIES - 1:
                time.sleep(max(0.0, min(pause, until - time.monotonic())))
                pause *= 2
        raise NotTaken(key, cause)


def _said(response: httpx.Response) -> dict[str, Any]:
    try:
        said: dict[str, Any] = response.json()
    except ValueError:
        raise ProblemError(response.status_code, {"detail": "what came is no answer of ours"}) from None
    if response.status_code != 200:
        raise ProblemError(response.status_code, said)
    return said


def _decision(said: Mapping[str, Any]) -> Decision:
    return Decision(
        customer_id=said["customer_id"],
        decision_id=said["decision_id"],
        chosen=_offer(said["chosen"]) if said["chosen"] else None,
        offers=tuple(_offer(each) for each in said["offers"]),
        whole=said,
    )


def _offer(said: Mapping[str, Any]) -> Offer:
    return Offer(
        offer_id=said["offer_id"],
        name=said["name"],
        kind=said["kind"],
        channel=said["channel"],
        net_value=_amount(said["expected_net_value"]),
        cost=_amount(said["expected_cost"]),
        why=said["why"]["en"],
        why_zh=said["why"]["zh"],
    )


def _score(said: Mapping[str, Any]) -> Score:
    return Score(
        customer_id=said["customer_id"],
        status=said["status"],
        churn_probability=said["churn_probability"],
        expected_value=_amount(said["expected_value"]),
        risk_band=said["risk_band"]["en"] if said["risk_band"] else None,
        reasons=tuple((each["en"], each["zh"]) for each in said["reasons"]),
        whole=said,
    )


def _amount(said: Mapping[str, Any] | None) -> float | None:
    return None if said is None else float(said["amount"])
