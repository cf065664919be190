"""The loops over time: forwards, backwards with a score, and back along the very same path.

| module | what is in it |
|---|---|
| `prologue` | what every walk begins with: its arguments, checked before any work |
| `forward` | `diffuse`, one exact jump, and `simulate`, a walk |
| `reverse` | `reverse`: the walk back with fresh noise and a score |
| `replay` | `replay`: one path, undone to the last bit |
| `inpainting` | `inpaint` and `denoise`: drawing what is not known of a point |
| `trajectory` | what a walk leaves behind, and its recorder |
| `observables` | counts and moments that a walk keeps as it runs |
"""

__all__: list[str] = []
