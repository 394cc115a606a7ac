"""ainv beside NumPy, SciPy, torch, JAX and MLX, and Rust's faer, nalgebra and ndarray-linalg: medians of
alternating rounds in one run, beside the limits of the machine.

    python benches/peers.py [domain small single far large pinv threads accuracy] [--write]

domain    what people invert: cameras, element Jacobians, Kalman covariances and others
small     stacks of 4 MB, orders 1 to 32: inv, cholesky_inv, tri_inv and solve
single    one small matrix, the price of a call
far       stacks of 60 MB, into new and used memory
large     short stacks and single matrices of orders 64 to 4096, beside the product of the same
pinv      pseudo-inverses of matrices of full and of half rank
threads   the same work on one thread to all
accuracy  residuals beside times, of random and of ill-conditioned matrices

It prints what it measures. --json keeps it in a file, --pictures draws it; --write makes docs/benchmarks.md, its
pictures and its JSON of the whole, and puts the figures of `domain` into the README. --from takes such a JSON instead of
measuring. Every library runs
in a process of its own; one that is not installed is left out. The whole takes an hour and more; --quick shows in
minutes that all works, with figures that mean little.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from peers_calls import cores
from peers_cases import DTYPES, TABLES, Case
from peers_machine import PACKAGES, machine, python_peers, rust_peers
from peers_page import Results, about, into_readme, line, page
from peers_pictures import draw
from peers_process import Peers, Row
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
RUST_LIBRARIES = ("faer", "nalgebra", "ndarray-linalg")
#: What reads the variables that set threads.
WITH_THREADS = ("ainv", "copy", "numpy", "scipy", "torch", "faer")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="table", help=f"{', '.join(TABLES)} [default: all]")
    parser.add_argument("--libraries", default=",".join(PACKAGES + RUST_LIBRARIES), help="beside ainv [default: all]")
    parser.add_argument("--dtypes", default=",".join(DTYPES), help="[default: %(default)s]")
    parser.add_argument("--orders", help="of every table but domain and threads [default: the table's own]")
    parser.add_argument("--rounds", type=int, default=7, help="[default: 7; 3 where a call takes over a second]")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the results there, from the first case on")
    parser.add_argument("--resume", action="store_true", help="go on with the run that left its results in the file of --json")
    parser.add_argument("--from", type=Path, metavar="FILE", dest="source", help="results of another run, to write of")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="draw the results there")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md, docs/benchmarks/, the README's figures")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if unknown := set(args.tables) - set(TABLES):
        parser.error(f"no table is called {', '.join(sorted(unknown))}")
    if args.resume and not (args.json and args.json.exists()):
        parser.error("--resume wants the --json FILE of the run that was cut short")
    parts = ("tables", "libraries", "dtypes", "orders", "quick")
    if args.write and not args.source and any(getattr(args, part) not in (parser.get_default(part), []) for part in parts):
        parser.error("--write wants all of it, measured in full")
    return args


def cases(tables: Sequence[str], dtypes: Sequence[str], orders: Sequence[int] | None) -> list[Case]:
    return [case for name in tables or TABLES for case in TABLES[name][1](dtypes, orders, cores())]


def names(case: Case, libraries: Sequence[str]) -> list[str]:
    """Those that a case is for."""
    if not case.fresh or case.precision == "double":
        # Memory to write into is ainv's `out`. Of double inside NumPy is the peer: it has no other.
        return [name for name in libraries if name in ("ainv", "copy") or case.fresh and name == "numpy"]
    if case.threads:
        return [name for name in libraries if name in WITH_THREADS]
    return list(libraries)


def measured(args: argparse.Namespace) -> Results:
    asked, dtypes = args.libraries.split(","), args.dtypes.split(",")
    orders = [int(n) for n in args.orders.split(",")] if args.orders else None
    commands, versions = python_peers(asked)
    if set(asked) & set(RUST_LIBRARIES):
        rust, locked = rust_peers(asked)
        commands, versions = {**commands, **rust}, versions | locked
    results = Results(machine(0.05 if args.quick else 0.5), versions, str(datetime.date.today()),
                      1 if args.quick else args.rounds, [])
    if args.resume:
        now, results = results, Results.load(args.json)
        if (str(now.machine), now.versions, now.rounds) != (str(results.machine), results.versions, results.rounds):
            raise SystemExit("--resume: another machine, other versions or other rounds than in the file")
    done = {row.case for row in results.rows}
    todo = [case for case in cases(args.tables, dtypes, orders) if case not in done]
    print(about(results))
    with tqdm(total=len(todo), unit="case", dynamic_ncols=True) as bar:
        for row in rows(todo, commands, results.rounds, 0.02 if args.quick else 0.25):
            results.rows.append(row)
            bar.update()
            bar.write(line(row, results.machine))
            if args.json:
                results.save(args.json)
    return results


def rows(todo: Sequence[Case], commands: dict[str, Sequence[str]], rounds: int, warm: float) -> Iterator[Row]:
    """In new processes wherever the threads change."""
    for threads, some in itertools.groupby(todo, lambda case: case.threads):
        with Peers(commands, threads) as peers:
            for case in some:
                yield peers.measure(case, rounds, warm, names(case, list(commands)))


def main() -> None:
    args = arguments()
    results = Results.load(args.source) if args.source else measured(args)
    if args.pictures:
        draw(results, args.pictures)
    if args.write:
        folder = args.docs / "benchmarks"
        pictures = {f"benchmarks/{file}": title for file, title in draw(results, folder).items()}
        results.save(folder / "results.json")
        (args.docs / "benchmarks.md").write_text(page(results, pictures))
        readme = args.docs.parent / "README.md"
        readme.write_text(into_readme(readme.read_text(), results))


if __name__ == "__main__":
    main()
