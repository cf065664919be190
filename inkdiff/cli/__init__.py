"""The command line, and what a simulation script needs of it.

A simulation states what must be true and measures it: each number is held against its exact value in standard errors,
z = (measured - exact)/stderr, and |z| < 5 passes; the exit status says whether all did. So every figure of inkdiff is
a test as well, and a user's own script is run, checked and drawn like one of inkdiff's.

    from inkdiff.cli import Report, run_script

| module | what is in it |
|---|---|
| `entry` | `main`: the commands, and `run`, `list`, `info` |
| `tour`, `compare`, `verify`, `train`, `draw`, `judge`, `bench` | one command each |
| `scripts` | the form of a simulation script, `Sim`; how its parameters become flags, and how it runs |
| `report` | `Report`: CHECK lines, figures, sentences; progress bars |
| `simulations` | inkdiff's simulations, in groups |
| `importing` | files and modules of a user's own |
| `naming`, `presets` | processes by name, with settings; the short names of the usual ones |
| `flags`, `errors` | flags that commands share; errors in one line, exit statuses |
| `sample_grid` | pictures of a training: what the network can do by now |
| `page` | the page of the tour, one HTML file |
| `story`, `story_en`, `story_it`, `chapter` | its order, and its words in two languages |
| `info`, `blas` | what this machine offers; which kernels its BLAS shall use |

Nothing heavy is imported here: `inkdiff --help` and `inkdiff list` answer before NumPy would have loaded, and
a script's flags are parsed before anything is compiled.

Reference: R. D. Peng, Reproducible research in computational science, Science 334, 1226 (2011).
"""

from inkdiff.cli.entry import main
from inkdiff.cli.report import Check, Report, progress
from inkdiff.cli.scripts import Sim, execute, run_script

__all__ = ["Check", "Report", "Sim", "execute", "main", "progress", "run_script"]
