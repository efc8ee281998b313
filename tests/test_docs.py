"""The documents say what is true: the generated one is fresh, links lead somewhere, commands exist."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from gateway.translator.document import markdown

ROOT = Path(__file__).resolve().parents[1]

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "changes/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]

LINK = re.compile(r"\]\(\s*<?([^)>\s]+)>?[^)]*\)|^\[[^\]]+\]:\s*<?([^>\s]+)|(?:href|src)=\"([^\"]+)\"", re.MULTILINE)
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def name_of(path: Path) -> str:
    """A path as messages show it."""
    return path.relative_to(ROOT).as_posix()


def relative_links(text: str) -> Iterator[str]:
    """The targets of a document's links that do not leave the repository; what stands in code is no link."""
    for match in LINK.finditer(CODE.sub("", text)):
        target = next(filter(None, match.groups()))
        if not re.match(r"[a-z][a-z0-9+.-]*:|//", target, re.IGNORECASE):
            yield unquote(target)


def anchors(text: str) -> set[str]:
    """The fragments by which a Markdown document's headings are reached."""
    headings = re.findall(
        r"^#+ +(.+?)\s*$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def problem_of(link: str, document: Path) -> str | None:
    """What is wrong with a link, or None."""
    path, _, fragment = link.partition("#")
    target = document.parent / path if path else document
    if not target.exists():
        return f"{link}: no such file"
    if fragment and target.suffix == ".md" and fragment not in anchors(target.read_text()):
        return f"{link}: no such heading"
    return None


def test_the_page_of_codes_is_fresh() -> None:
    """docs/codes.md is what the tables say now."""
    assert (ROOT / "docs/codes.md").read_text() == markdown(), "docs/codes.md is stale: run `make codes`"


def test_the_page_of_codes_says_both_directions() -> None:
    """All 32 statuses twice, the 24 legacy codes with the provider's words, and what a refused request answers."""
    rows = [line for line in markdown().splitlines() if re.match(r"\| [`\d]", line)]

    assert len(rows) == 32 + 24 + 32 + 9
    assert (
        "| 202 | Expired | Success | yes |  | yes | The expiry date has been exceeded before the message could be"
        in ("\n".join(rows))
    )
    for row in (
        "| 43 | Delivery failed | message | 202 Expired | the Swedish original says expired |",
        "| 101 | Wrong account credentials | request |  | hold the queue |",
        "| 503 SubscriberOffline | 21 Delivered to the GSM network |",
        "| `BadRecipient` | 3 Invalid phone number format |",
    ):
        assert row in rows


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document: Path) -> None:
    """Every link within the repository leads to a file that is there, and to a heading of it."""
    problems = [problem_of(link, document) for link in relative_links(document.read_text())]

    assert not [problem for problem in problems if problem]


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    """The check above sees files and headings that are gone, and leaves the web and code alone."""
    document = tmp_path / "page.md"
    document.write_text(
        "# Some `heading`, here\n[a](page.md#some-heading-here) [b](gone.md) [c](#gone) ![d](gone.png)\n"
        '[e](https://example.org/gone) `[f](gone)` <img src="gone.svg">\n```\n[g](gone)\n```\n[h]: gone.txt\n'
    )

    problems = [problem_of(link, document) for link in relative_links(document.read_text())]

    assert problems == [
        None,
        "gone.md: no such file",
        "#gone: no such heading",
        "gone.png: no such file",
        "gone.svg: no such file",
        "gone.txt: no such file",
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_make_targets_exist(document: Path) -> None:
    """Every `make` target that a document names is in the Makefile."""
    code = "\n".join(CODE.findall(document.read_text()))
    targets = set(re.findall(r"(?:^|`|[;&|$] *)make ([a-z]+)", code, re.MULTILINE))

    assert targets <= set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
