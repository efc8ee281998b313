"""Asks the advisories of PyPI about every pinned package, and says what was found, or that nobody could be asked.

Ends with 1 where a package has a known hole. Where the advisories cannot be reached it says so and ends with 0, for
that is no property of the packages; with --strict it ends with 2.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOCKS = [str(Path(__file__).with_name(name)) for name in ("dev.txt", "audit.txt")]
"""The lock of developers holds those of what runs and what builds."""

Packages = Sequence[dict[str, Any]]


def ask(locks: Sequence[str]) -> Packages:
    """What pip-audit found out, package by package."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--format", "json"]
    command += [word for lock in locks for word in ("-r", lock)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages: Packages = json.loads(run.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(run.stderr.strip()[-500:], file=sys.stderr)
        return ()
    return packages


def verdict(packages: Packages, *, strict: bool) -> tuple[int, list[str]]:
    """The exit code, and what to say."""
    silent = [package["name"] for package in packages if "skip_reason" in package]
    holes = [
        f"{package['name']} {package['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'none'}"
        for package in packages
        for hole in package.get("vulns", ())
    ]
    asked = len(packages) - len(silent)
    if holes:
        return 1, [*holes, f"{len(holes)} known holes: raise the lower bound in pyproject.toml, then make lock"]
    if silent or not packages:
        told = f"NOT AUDITED: the advisories answered about {asked} of {len(packages)} packages; are they reachable?"
        return (2 if strict else 0), [told]
    return 0, [f"No known hole in {asked} packages"]


if __name__ == "__main__":
    code, lines = verdict(ask(LOCKS), strict="--strict" in sys.argv[1:])
    print(*lines, sep="\n")
    sys.exit(code)
