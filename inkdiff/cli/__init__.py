"""The command line, and what a script needs of it: `Report` to speak through, `run_script` to be a program.

Nothing heavy is imported here: `inkdiff --help` and `inkdiff list` answer before NumPy would have loaded, and
a script's flags are parsed before anything is compiled.
"""

from inkdiff.cli.entry import main
from inkdiff.cli.report import Check, Report, progress
from inkdiff.cli.scripts import Sim, execute, run_script

__all__ = ["Check", "Report", "Sim", "execute", "main", "progress", "run_script"]
