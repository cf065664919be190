"""`python -m bench`: the same as `inkdiff bench`."""

import argparse

from inkdiff.cli.bench import add_flags, bench
from inkdiff.cli.scripts import guarded

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench", description="inkdiff beside its peers.")
    add_flags(parser)
    arguments = parser.parse_args()
    raise SystemExit(guarded(lambda: bench(arguments)))
