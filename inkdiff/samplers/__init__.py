r"""Steps back in time: each sampler says how a state goes from t to s < t with the score u = grad log p_t,

    x_s  <-  fold(a x_t + b u + c eps).

With alpha_t, sigma_t, the transition s -> t of A = alpha_t/alpha_s and S^2 = sigma_t^2 - A^2 sigma_s^2, and the
denoised point x_0 = (x_t + sigma_t^2 u)/alpha_t that the score implies:

    Ancestral          a = 1/A          b = S^2/A                     c = sigma_s S/sigma_t   (or S)
    DDIM(eta)          a = 1/A          b = sigma_t^2/A - sigma_t r   c = eta sigma_s S/sigma_t,  r^2 = sigma_s^2 - c^2
    EulerMaruyama      a = 1 - int f    b = int g^2                   c = sqrt(int g^2)
    Euler              x_s = x_t + (s - t) (alpha' x_0 + sigma' eps), the velocity of flow matching; no noise
    ProbabilityFlow    Heun's rule for d(x/alpha)/d(sigma/alpha) = -sigma u, no noise
    AdaptiveFlow       the same flow by Dormand and Prince's rule, with steps inside the step
    DPMSolver          DDIM(0) with x_0 extrapolated in the log-SNR from this step's and the last one's
    PredictorCorrector any of them, then Langevin steps x <- x + h u + sqrt(2 h) eps at s

Orders in the step, in the law of x_s: ProbabilityFlow and DPMSolver 2, the others 1. No step is special, save that
one ending at sigma_s = 0 uses no score there, where data points have none: the second-order rules are DDIM in it.

Where alpha_t = 0 a score says nothing of x_0: the first step from there takes the score's velocity (`base`).

Walls: in a box Gaussian posteriors do not exist, so Ancestral, DDIM, Euler and DPMSolver raise; the others fold.
Euler-Maruyama's step, folded, stays of order 1 at walls (measured: 1.00).

| module | what is in it |
|---|---|
| `base` | `Sampler`: what a sampler must say; the first step from pure noise |
| `onestep` | `Ancestral`, `DDIM`, `EulerMaruyama`, `Euler`: one score and one kernel call a step |
| `flow` | `ProbabilityFlow` (Heun), `AdaptiveFlow` |
| `multistep` | `DPMSolver` |
| `corrector` | `PredictorCorrector` |
| `choice` | a sampler by its name, checked against the process |
| `gaussian_chain` | `chain_variance`: what a sampler does to Gaussian data, exactly |

References: Ho et al. (2020), eq. 7 and section 3.2; Song, Meng, Ermon (2021), eq. 12; Y. Song et al. (2021), eq. 6, 13
and algorithm 4; Karras et al. (2022), algorithm 1; C. Lu et al., DPM-Solver++ (2022), algorithm 2 (2M).
"""

from __future__ import annotations

from inkdiff.samplers.base import Kernel, Sampler
from inkdiff.samplers.choice import choose
from inkdiff.samplers.corrector import PredictorCorrector
from inkdiff.samplers.flow import AdaptiveFlow, ProbabilityFlow
from inkdiff.samplers.gaussian_chain import chain_variance
from inkdiff.samplers.multistep import DPMSolver
from inkdiff.samplers.onestep import DDIM, Ancestral, Euler, EulerMaruyama

__all__ = [
    "DDIM", "AdaptiveFlow", "Ancestral", "DPMSolver", "Euler", "EulerMaruyama", "Kernel", "PredictorCorrector",
    "ProbabilityFlow", "Sampler", "chain_variance",
    "choose",
]  # fmt: skip
