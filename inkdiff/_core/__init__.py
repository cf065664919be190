"""What everything stands on: where arrays live, how code is compiled, how noise is addressed, what input is refused.

| module | what is in it |
|---|---|
| `backend` | NumPy on the host, CuPy on its device: the device follows the array; the only room that imports CuPy |
| `checks` | validation at the public doors: an error names the argument, the value received and the remedy |
| `compilation` | one `jit` for all kernels, without fastmath, cached under a hash of their sources |
| `noise_address` | `Address`: seed, step, stream and element of a kernel call's noise |
| `descriptions` | registered frozen dataclasses as plain data, and back, for files |
| `registry` | names for what a command line or a file must be able to say, open to everybody's code |
| `files` | files that appear whole or not at all; the user's cache folder |
| `rng` | Philox4x32-10 and standard normals as scalar functions of an address; the table of streams |
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(__name__, submodules=["backend"])
