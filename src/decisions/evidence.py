"""Evidence for the gate: what was measured of a challenger, beside the champion, on held-out time."""

from dataclasses import dataclass

from decisions.equal_terms import TermsReport
from models.metric import Interval
from models.segment import Segment
from models.treatment import Treatment


@dataclass(frozen=True)
class Earned:
    """One way of asking who earns more; minor units, 95 % intervals. ours, theirs: of challenger and rival;
    ahead: ours less theirs, paired; scale: what a margin is a share of; size: telling contacts (effective),
    or leavers."""

    ours: Interval
    theirs: Interval
    ahead: Interval
    scale: float
    size: float


@dataclass(frozen=True)
class Evidence:
    """golden: what is wrong with the bundle, '' when it replays its golden rows; then all else is known.

    has_champion: without one the rival is who contacts nobody (offers) and recency (captured, profit).
    days_younger: how many more days the challenger has learnt from than the champion. offers: None where what
    they earn is not identified, and why_no_offers says why. profit: EMPC, told and not judged. small_*: what
    has too few customers. terms: None where the policy states no equal terms. Speed: milliseconds for one
    customer, seconds for 100,000 (measured on `measured`), size in 10^6 bytes.
    """

    golden: str
    has_champion: bool = False
    days_younger: float = 0.0
    offers: Earned | None = None
    why_no_offers: str = ""
    captured: Earned | None = None
    profit: Earned | None = None
    segments: tuple[Segment, ...] = ()
    small_segments: tuple[str, ...] = ()
    treatments: tuple[Treatment, ...] = ()
    small_groups: tuple[str, ...] = ()
    terms: TermsReport | None = None
    one_customer_ms: float = float("nan")
    per_100k_s: float = float("nan")
    measured: int = 0
    size_mb: float = float("nan")
