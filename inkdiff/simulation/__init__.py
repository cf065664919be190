"""The loops over time: forwards, backwards with a score, and back along the very same path.

| module | what is in it |
|---|---|
| `forward` | `diffuse`, one exact jump, and `simulate`, a walk |
| `reverse` | `reverse`: the walk back with fresh noise and a score |
| `replay` | `replay`: one path, undone to the last bit |
| `inpainting` | `inpaint` and `denoise`: drawing what is not known of a point |
| `trajectory` | what a walk leaves behind, and its recorder |
| `observables` | counts and moments that a walk keeps as it runs |
| `walks` | how a process walks between two recorded times, and what its numbers can hold |
| `boundaries` | walks whose walls act on whole walkers: absorbing walls, obstacles |
| `binomial_steps` | steps of zeros and ones, forward and back |
"""

__all__: list[str] = []
