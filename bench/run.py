"""The benchmark: `make bench`, or `python bench/run.py --help`. What it measures and how: bench/README.md."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import measure
import plot
import report
import typer
from load import choose
from report import Line, Measured
from rich.console import Console
from subjects import ROWS, missing, subjects, wanted

console = Console()


def main(  # noqa: PLR0913 - each is an option of the command
    *,
    rounds: Annotated[int, typer.Option(min=1, help="Each measures everything once.")] = 5,
    secs: Annotated[float, typer.Option(min=0.1, help="Seconds of each measurement, after its warm-up.")] = 4.0,
    connections: Annotated[int, typer.Option(min=1, help="Clients, each waiting for its answer.")] = 64,
    only: Annotated[str, typer.Option(metavar="NAME,..", help=f"Of {', '.join(row.name for row in ROWS)}.")] = "",
    generator: Annotated[str, typer.Option(metavar="auto|wrk|bundled", help="What makes the load.")] = "auto",
    quick: Annotated[bool, typer.Option("--quick", help="2 rounds of 2 seconds.")] = False,
    as_json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the result there, too.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the ratios there.")] = None,
    folder: Annotated[Path, typer.Option(metavar="DIR", help="The disk that is measured.")] = Path(),
    judge: Annotated[bool, typer.Option("--judge", help="Exit with 1 where a floor is missed.")] = False,
) -> None:
    """Measure the gateway against a bare aiohttp handler, and where it is installed Kannel, in the same run.

    Exits with 1 where something was lost.
    """
    try:
        rows = wanted(only)
        plan = measure.Plan(2 if quick else rounds, 2.0 if quick else secs, connections, choose(generator))
    except KeyError as error:
        raise typer.BadParameter(f"{error} is not known; see --help") from None
    except LookupError as error:
        raise typer.BadParameter(str(error)) from None
    asked = subjects(rows, measure.ACCOUNT, measure.KEY)
    console.print(
        f"{plan.rounds} rounds of {plan.seconds:g} s, {connections} connections, load by {plan.generator.name};"
        f" about {plan.estimate(asked)} s"
    )
    for row in ROWS:
        if missing(row):
            console.print(f"not measured, for {row.needs} is not installed: {row.title}")
    try:
        with tempfile.TemporaryDirectory(prefix=".bench-", dir=folder) as temporary:
            result = measure.run(plan, asked, Path(temporary), _tell)
    except measure.Wrong as error:
        console.print(f"WRONG: {error}", style="red", markup=False)
        sys.exit(1)
    table = report.lines(rows, result.found)
    settings = {"rounds": plan.rounds, "seconds": plan.seconds, "connections": connections}
    document = report.document(table, result, settings | {"generator": plan.generator.name})
    if as_json:
        as_json.write_text(json.dumps(document, indent=2) + "\n")
    if svg:
        svg.write_text(plot.bars("messages a second, as a ratio to a bare aiohttp handler", report.ratios(table)))
    _show(table, document)
    missed = judge and not document["noise"] and any(line.missed for line in table)
    sys.exit(1 if result.problems or missed else 0)


def _tell(number: int, name: str, measured: Measured) -> None:
    console.print(f"  round {number}  {name:<16}{measured.rate:>10,.0f} messages/s{measured.cost:>8.1f} us CPU each")


def _show(table: list[Line], document: report.Document) -> None:
    console.print(report.drawn(table, judged=not document["noise"]))
    console.print(", ".join(f"{name} {value}" for name, value in document["machine"].items()))
    if document["noise"]:
        console.print(f"noisy: nothing is judged, for {document['noise']}")
    for problem in document["problems"]:
        console.print(f"WRONG: {problem}", style="red", markup=False)
    for remark in document["remarks"]:
        console.print(remark, style="yellow", markup=False)
    if document["correct"]:
        console.print("correct: every answer, counter and row agrees")


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
