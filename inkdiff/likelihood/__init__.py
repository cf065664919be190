"""How probable a point is under a model: along the probability flow, or by the evidence lower bound.

| module | what is in it |
|---|---|
| `probability_flow` | `log_likelihood` by the change of variables along the flow, with exact or estimated divergence |
| `elbo` | `elbo`: the variational bound, term by term |
"""

__all__: list[str] = []
