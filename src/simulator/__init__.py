"""A loyalty world whose truth is known.

`simulate(World(), folder)` writes the contract's nine tables as Parquet and, beside them, the truth: at each
of `World.truth_moments`, for every customer and offer, the probability of each outcome and the expected net
value over the next 91 days if contacted with that offer then, and if not. The truth is computed by exact
recursion over the hidden states, not sampled; the same seed writes the same bytes.

Published behaviour it copies:

- Purchases are Poisson at gamma rates until an unobserved dropout with gamma hazards: Schmittlein, Morrison &
  Colombo, "Counting your customers" (1987); with dropout in discrete steps as in Fader, Hardie & Lee,
  "Counting your customers the easy way" (2005).
- Amounts are gamma about a mean that differs between customers, independent of the rate: gamma-gamma,
  Fader, Hardie & Lee, "RFM and CLV" (2005).
- Customers drift before they are lost, and a few come back: a hidden Markov chain of relationship states,
  Netzer, Lattin & Srinivasan (2008); Schwartz, Bradlow & Fader (2014). Engagement falls with the state.
- Young members are lost more easily, and the hazard falls with tenure: Fader & Hardie (2010).
- Complaints that are answered late drive customers away, those sensitive to service most: Tax, Brown &
  Chandrashekaran (1998).
- Offers act through four groups, persuadables, sure things, lost causes and sleeping dogs: Radcliffe &
  Surry (2011); the effect differs by customer and may be harm.
- The past was decided by a randomised logging policy with known propensities: see `simulator.policy`.

What the truth leaves out: the cost of points and of service, and offers beyond one contact a wave. A reward
is not taken off the amount of an order; it is the offer's `cost`, booked when redeemed. A customer's second
account is one person with the account it is merged into, and only the latter has a truth. The date on which
somebody will withdraw consent is part of what the truth knows.
"""

from simulator.offer import Offer as Offer
from simulator.simulate import simulate as simulate
from simulator.world import World as World
