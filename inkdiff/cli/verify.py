"""`inkdiff verify`: every statement with an exact value, measured on this machine, as a table.

Each line is one number: what was measured, what it should be, its standard error, and how many of them lie between,

    z = (measured - exact)/stderr,        PASS if |z| < 5.

Other seeds and other numbers of particles are other measurements of the same statements: run them.

Reference: `inkdiff.verification`.
"""

from __future__ import annotations

import argparse
import json
import math
from typing import TYPE_CHECKING, Any

from inkdiff.cli.errors import UsageError
from inkdiff.cli.flags import Commands

if TYPE_CHECKING:
    from inkdiff.verification import Outcome

__all__ = ["add_command"]


def add_command(commands: Commands) -> None:
    """Add `verify` and its flags to the subcommands."""
    parser = commands.add_parser(
        "verify",
        help="statements with exact values, measured",
        description="Measures every identity, beside its exact value; exits 1 if one is off by 5 standard errors.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which (default: all)")
    parser.add_argument(
        "--particles", type=int, default=10**6, help="samples of each, 10,000 or more (default: 1,000,000)"
    )
    parser.add_argument("--seed", type=int, default=0, help="64-bit seed of all noise (default: 0)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    parser.add_argument("--list", action="store_true", help="only name them")
    parser.set_defaults(command=_verify)


def _verify(arguments: argparse.Namespace) -> int:
    from inkdiff.verification import family_wise_p, identities, verify

    if arguments.list:
        for one in identities():
            print(f"{one.name:<36} {one.statement}")
        return 0
    try:
        outcomes = verify(arguments.names, particles=arguments.particles, seed=arguments.seed)
    except (ValueError, TypeError) as error:
        raise UsageError(str(error)) from None
    done = []
    for outcome in outcomes:
        if not arguments.json:
            _show(outcome)
        done.append(outcome)
    rows = [row for outcome in done for row in outcome.rows]
    failed = [outcome.identity.name for outcome in done if not outcome.passed]
    together = family_wise_p(rows)
    if arguments.json:
        print(json.dumps(_record(done, together, arguments), indent=1))
        return 1 if failed else 0
    worst = max((abs(row.z) for row in rows), default=0.0)
    print(
        f"\n{len(done) - len(failed)} of {len(done)} identities hold ({len(rows)} numbers, largest |z| {worst:.1f}, "
        f"family-wise p {together:.2g}), in {sum(outcome.seconds for outcome in done):.0f} s"
    )
    if failed:
        print("not: " + ", ".join(failed))
    return 1 if failed else 0


def _show(outcome: Outcome) -> None:
    print(f"\n{outcome.identity.name}: {outcome.identity.statement}   ({outcome.seconds:.1f} s)")
    for row in outcome.rows:
        verdict = "PASS" if row.passed else "FAIL"
        measured, error = row.measured
        print(
            f"  {row.what:<28} {measured:>13.6g} {row.exact:>13.6g} +- {error:<9.2g} z {row.z:+6.2f}  {verdict}",
            flush=True,
        )


def _record(done: list[Outcome], together: float, arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything measured; a z without an error, which is 0 or infinite, is null where JSON has no number for it."""
    identities = [
        {
            "name": outcome.identity.name, "statement": outcome.identity.statement, "passed": outcome.passed,
            "seconds": round(outcome.seconds, 3),
            "rows": [
                {
                    "what": row.what, "measured": row.measured.value, "stderr": row.measured.stderr, "exact": row.exact,
                    "z": row.z if math.isfinite(row.z) else None, "passed": row.passed,
                }
                for row in outcome.rows
            ],
        }
        for outcome in done
    ]  # fmt: skip
    return {
        "particles": arguments.particles, "seed": arguments.seed, "passed": all(outcome.passed for outcome in done),
        "family_wise_p": together, "identities": identities,
    }  # fmt: skip
