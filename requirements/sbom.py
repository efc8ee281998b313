"""Prints what a release is made of, as CycloneDX 1.6: the packages of run.txt, with the hashes that pip holds them to.

Licences and who needs whom are read from the packages that are installed here. Two runs print the same.
"""

import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gateway import __version__

LOCK = Path(__file__).with_name("run.txt")
_PIN = re.compile(
    r"^(?P<name>[\w.-]+)(?:\[[\w,.-]+\])?==(?P<version>[^\s;]+)(?: ; (?P<marker>[^\\\n]+?))?(?: \\)?$", re.MULTILINE
)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def pins(lock: str) -> dict[str, tuple[str, str, list[str]]]:
    """What a lock names: for each package its version, where it is needed, and the SHA-256 of its files."""
    found = list(_PIN.finditer(lock))
    ends = [*(match.start() for match in found[1:]), len(lock)]
    return {
        match["name"]: (match["version"], match["marker"] or "", _HASH.findall(lock, match.end(), end))
        for match, end in zip(found, ends, strict=True)
    }


def bom(lock: str) -> dict[str, Any]:
    """The document."""
    packages = pins(lock)
    refs = {name: f"pkg:pypi/{name}@{version}" for name, (version, *_) in packages.items()}
    root = {
        "type": "application",
        "bom-ref": f"pkg:pypi/sluss@{__version__}",
        "name": "sluss",
        "version": __version__,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    needed = [(root["bom-ref"], "sluss"), *((ref, name) for name, ref in refs.items())]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root},
        "components": [_component(name, refs[name], *packages[name]) for name in packages],
        "dependencies": [{"ref": ref, "dependsOn": sorted(_needs(name, refs))} for ref, name in needed],
    }


def _component(name: str, ref: str, version: str, marker: str, hashes: list[str]) -> dict[str, Any]:
    # A package has a file for each platform, and CycloneDX one file for each hash: so each is a place to get it from.
    files = [{"alg": "SHA-256", "content": digest} for digest in hashes]
    component = {"type": "library", "bom-ref": ref, "name": name, "version": version, "purl": ref}
    place = {"type": "distribution", "url": f"https://pypi.org/project/{name}/{version}/#files", "hashes": files}
    licence = _licence(name)
    return {
        **component,
        **({"licenses": [{"license": {"name": licence}}]} if licence else {}),
        "externalReferences": [place],
        **({"properties": [{"name": "sluss:where", "value": marker}]} if marker else {}),
    }


def _licence(name: str) -> str:
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""  # needed on another platform
    words = told.get("License-Expression") or told.get("License") or ""
    classes = [line.rpartition(" :: ")[2] for line in told.get_all("Classifier", []) if line.startswith("License ::")]
    return words if words and "\n" not in words else ", ".join(classes)


def _needs(name: str, refs: dict[str, str]) -> set[str]:
    try:
        wanted = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return set()
    names = {canonicalize_name(Requirement(line).name) for line in wanted if "extra ==" not in line}
    return {refs[found] for found in names if found in refs}


if __name__ == "__main__":
    print(json.dumps(bom(LOCK.read_text("utf-8")), indent=2))
