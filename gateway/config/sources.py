"""Where settings come from: the file, what lies in conf.d beside it, the environment and the command line."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from gateway.errors import ConfigError
from gateway.nearest import shown, unknown
from gateway.yaml_source import Document, Expand, Place, Problem, Where, read

VARIABLE = "SLUSS_CONFIG"
PLACES = (Path("sluss.yaml"), Path("/etc/sluss/sluss.yaml"))

PREFIX = "SLUSS_"
MAX_SECRET = 65_536
"""Bytes read of a file that a `${file:...}` names."""

_LISTS = ("callers", "routes")
_PARTS = (*_LISTS, "upstreams")


def find(path: Path | None, environ: Mapping[str, str]) -> Path:
    """The configuration file: the one asked for, else $SLUSS_CONFIG, else ./sluss.yaml, else /etc/sluss/sluss.yaml.

    Raises ConfigError.
    """
    if path is None and environ.get(VARIABLE):
        path = Path(environ[VARIABLE])
        missing = f"{path}: there is no such file: ${VARIABLE} names it"
    else:
        missing = f"{path}: there is no such file"
    if path is not None:
        if not path.exists():
            raise ConfigError([missing])
        return path
    found = next((place for place in PLACES if place.is_file()), None)
    if found is None:
        looked = " and ".join(str(place.absolute()) for place in PLACES)
        raise ConfigError([f"no configuration: name one with --config or ${VARIABLE}; looked for {looked}"])
    return found


def collect(path: Path, environ: Mapping[str, str], flags: Mapping[str, str], scalars: Collection[Where]) -> Document:
    """Everything that was set, each value from the source that wins. `scalars` may be set outside the file."""

    def expand(text: str) -> str:
        return fill_in(text, environ)

    document = read(path, expand)
    for part in sorted(path.parent.glob("conf.d/*.yaml")):
        # Editors keep their locks and backups as hidden files beside the real one.
        if not part.name.startswith("."):
            _merge(document, part, expand)
    _apply_environment(document, environ, scalars)
    _apply_flags(document, flags, scalars)
    return document


_REFERENCE = re.compile(r"\$\$|\$\{([^{}]*)(\})?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def fill_in(text: str, environ: Mapping[str, str]) -> str:
    """The text with each `${NAME}` and `${file:/path}` replaced; `$$` is a plain dollar.

    Raises ValueError with a sentence that says what is missing.
    """

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        inside = match[1]
        if match[2] and inside.startswith("file:"):
            return _content(Path(inside.removeprefix("file:")))
        if not match[2] or not _NAME.fullmatch(inside):
            raise ValueError("holds a '${' that is neither ${NAME} nor ${file:/path}: write $$ for a plain dollar")
        if inside not in environ:
            raise ValueError(f"the environment variable {inside} is not set: set it, or write $$ for a plain dollar")
        return environ[inside]

    return _REFERENCE.sub(value, text)


def _content(path: Path) -> str:
    if not path.is_absolute():
        raise ValueError("a ${file:...} must name its file from the root, such as ${file:/run/secrets/token}")
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_SECRET + 1)
        text = raw.decode()
    except OSError as error:
        raise ValueError(f"the file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"the file {path} is not UTF-8 text") from error
    if len(raw) > MAX_SECRET:
        raise ValueError(f"the file {path} is larger than {MAX_SECRET} bytes")
    return text.removesuffix("\n").removesuffix("\r")


def _merge(document: Document, path: Path, expand: Expand) -> None:
    part = read(path, expand)
    document.failed |= part.failed
    offsets: dict[str, int] = {}
    for key, value in part.values.items():
        if key not in _PARTS:
            place = part.places[(key,)]
            document.problems.append(Problem(place, (), f"{unknown('key', key, _PARTS)}: the rest stands in the file"))
        elif key in _LISTS:
            offsets[key] = _append(document, key, value, part)
        else:
            _join(document, value, part)
    for where, place in part.places.items():
        document.places.setdefault(_moved(where, offsets), place)
    document.unread.update(_moved(where, offsets) for where in part.unread)
    document.problems += (problem._replace(where=_moved(problem.where, offsets)) for problem in part.problems)


def _moved(where: Where, offsets: Mapping[str, int]) -> Where:
    match where:
        case (str(key), int(at), *rest) if key in offsets:
            return (key, at + offsets[key], *rest)
    return where


def _append(document: Document, key: str, value: object, part: Document) -> int:
    items = document.values.setdefault(key, [])
    if not isinstance(value, list):
        document.problems.append(Problem(part.places[(key,)], (key,), "must be a list"))
    elif isinstance(items, list):
        items += value
        return len(items) - len(value)
    return 0


def _join(document: Document, value: object, part: Document) -> None:
    upstreams = document.values.setdefault("upstreams", {})
    if not isinstance(value, dict):
        document.problems.append(Problem(part.places[("upstreams",)], ("upstreams",), "must be a mapping of names"))
    elif isinstance(upstreams, dict):
        for name, section in value.items():
            where = ("upstreams", name)
            if name in upstreams:
                sentence = f"the upstream {shown(name)} is already at {document.place(where)}: keep one"
                document.problems.append(Problem(part.places[where], where, sentence))
            else:
                upstreams[name] = section


def _apply_environment(document: Document, environ: Mapping[str, str], scalars: Collection[Where]) -> None:
    sections = {where[0] for where in scalars}
    names = {PREFIX + "__".join(map(str, where)).upper(): where for where in scalars}
    for variable, value in environ.items():
        if not variable.startswith(PREFIX):
            continue
        if variable in names:
            _set(document, names[variable], value, Place(variable))
        elif variable.removeprefix(PREFIX).split("__")[0].lower() in sections:
            document.problems.append(_not_settable(Place("environment"), variable, names))


def _apply_flags(document: Document, flags: Mapping[str, str], scalars: Collection[Where]) -> None:
    names = {".".join(map(str, where)): where for where in scalars}
    for name, value in flags.items():
        if name in names:
            _set(document, names[name], value, Place("command line"))
        else:
            document.problems.append(_not_settable(Place("command line"), name, names))


def _not_settable(place: Place, name: str, names: Collection[str]) -> Problem:
    # Their common beginnings make all of these names somewhat alike.
    told = unknown("setting", name, names, alike=0.9)
    sentence = f"{told}: lists, callers, upstreams and routes are set in the file"
    return Problem(place, (), sentence)


def _set(document: Document, where: Where, value: str, place: Place) -> None:
    holder = document.values
    for part in where[:-1]:
        inner = holder.setdefault(str(part), {})
        if not isinstance(inner, dict):
            return  # A section that is no mapping is told of when it is read.
        holder = inner
    holder[str(where[-1])] = value
    document.places[where] = place
    document.unread.discard(where)
