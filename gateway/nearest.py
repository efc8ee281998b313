"""What to say of a name that is not known: the nearest one that is."""

import difflib
import re
from collections.abc import Collection

_NAME = re.compile(r"[A-Za-z_][\w.-]{0,63}", re.ASCII)
_FEW = 8
_ALIKE = 0.7


def shown(word: str) -> str:
    """A word in quotes, or none of it where it is no name: whoever forgot a blank may have made a key of a secret."""
    return f"'{word}'" if _NAME.fullmatch(word) else "(not shown, it is no name)"


def unknown(kind: str, word: str, choices: Collection[str], *, secret: bool = False, alike: float = _ALIKE) -> str:
    """`unknown key 'calers' (did you mean 'callers'?)`; without a near one, the whole choice where it is small.

    `secret`: the word may be one, so it is shown only where it resembles a valid name. `alike`: how much, 0 to 1.
    """
    near = difflib.get_close_matches(word, choices, n=1, cutoff=alike)
    told = f"unknown {kind}" if secret and not near else f"unknown {kind} {shown(word)}"
    if near:
        return f"{told} (did you mean '{near[0]}'?)"
    if 0 < len(choices) <= _FEW:
        return f"{told} (there is: {', '.join(sorted(set(choices)))})"
    return told
