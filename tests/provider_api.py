"""What of the provider's API works: each row is claimed by the test that shows it, and the README tells all of them.

`python tests/provider_api.py` prints the table that the README holds between its markers; a test compares them.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

Test = TypeVar("Test", bound=Callable[..., object])

BEGIN, END = "<!-- provider-api: written by `make codes` -->\n", "<!-- /provider-api -->\n"
README = Path(__file__).resolve().parents[1] / "README.md"


class Row(NamedTuple):
    """A call of the provider's, and what Sluss does with it."""

    api: str
    call: str
    does: str


ROWS: list[Row] = []


def works(call: str, does: str) -> Callable[[Test], Test]:
    """Say of a test that it shows a call to work as the provider documents it."""
    row = Row("REST v2" if " /v2/" in call else "REST v1", call, does)

    def claimed(test: Test) -> Test:
        ROWS.append(row)
        return test

    return claimed


def table() -> str:
    """The rows as Markdown, in the order of APIs and addresses."""
    rows = sorted(set(ROWS), key=lambda row: (row.api != "REST v2", row.call.partition(" ")[2], row.call))
    lines = [f"| {row.api} | `{row.call}` | {row.does} |" for row in rows]
    return "\n".join(("| API | call | does |", "|---|---|---|", *lines, ""))


def told(api: str) -> set[str]:
    """The calls of an API that the README tells."""
    rows = (line.split(" | ") for line in README.read_text().splitlines() if line.startswith(f"| {api} | `"))
    return {row[1].strip("`") for row in rows}


def written(readme: str) -> str:
    """A README with the table in its place."""
    before, _, rest = readme.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    sys.path[:0] = [str(README.parent), str(README.parent / "tests"), str(README.parent / "tests" / "app")]
    import provider_api
    import test_provider_api  # noqa: F401 - its tests claim the rows

    README.write_text(provider_api.written(README.read_text()))
