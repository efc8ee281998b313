"""Regular expressions that operations write, searched for in what strangers wrote: RE2, in place of Python's own.

RE2 never tries again what it has tried: a search takes time in proportion to the text, whatever the expression and
whatever the text, where Python's own engine can be kept busy for years by thirty letters. The price is its syntax:
no look-around and no references back to groups. How large an expression may become is bounded, too.
"""

import re2

_MAX_MEMORY = 1024 * 1024
"""Bytes that one expression may take; one that needs more does more for each letter than anyone means it to."""

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False  # What is wrong is told where it was written, not on stderr.
_OPTIONS.max_mem = _MAX_MEMORY


class Pattern:
    """An expression that was read."""

    __slots__ = ("_compiled", "groups")

    def __init__(self, expression: str) -> None:
        """Raises ValueError with a sentence that says what is wrong with it."""
        try:
            self._compiled = re2.compile(expression, _OPTIONS)
        except re2.error as error:
            raise ValueError(f"is no regular expression of RE2: {_reason(error, expression)}") from None
        except UnicodeEncodeError:
            raise ValueError("is no regular expression of RE2: it holds half a character") from None
        self.groups: int = self._compiled.groups

    def search(self, text: str) -> tuple[str | None, ...] | None:
        """The first place in the text that matches: all of it, then each group; None where there is none.

        Half a character, which no charset can hold, is read as a question mark.
        """
        found = self._compiled.search(text.encode("utf-8", "replace"))
        if found is None:
            return None
        return tuple(None if part is None else part.decode("utf-8", "replace") for part in (found[0], *found.groups()))


def compile(expression: str) -> Pattern:  # noqa: A001 - called as regex.compile, as everybody knows it
    """Read an expression. Raises ValueError with a sentence that says what is wrong with it."""
    return Pattern(expression)


def _reason(error: Exception, expression: str) -> str:
    """RE2's words, and the part they are about unless that is all of the expression."""
    raw = error.args[0] if error.args else b""
    words, _, part = (raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)).partition(": ")
    return words if part in ("", expression) else f"{words}: {part}"
