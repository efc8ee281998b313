"""Makes spyne 2.14.0 importable on Python 3.11 to 3.13 without touching its files.

Three things stand in the way. Its vendored six resolves `six.moves` with an importer that Python 3.12 no longer asks;
the three modules that spyne's core takes from there are the standard library's own under an older name. Its SOAP
protocols import `cgi`, gone in 3.13, for one function. And it warns: of invalid escapes, of `cgi`, of six's importer.
"""

import collections.abc
import http.cookies
import sys
import urllib.parse
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from types import ModuleType

_MOVED = {
    "spyne.util.six.moves.collections_abc": collections.abc,
    "spyne.util.six.moves.http_cookies": http.cookies,
    "spyne.util.six.moves.urllib.parse": urllib.parse,
}


@contextmanager
def spyne_imports() -> Iterator[None]:
    """Import spyne inside this block; nothing of it but spyne's own modules and three aliases is left behind."""
    sys.modules.update(_MOVED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lent = _lend_cgi()
        try:
            yield
        finally:
            if lent:
                del sys.modules["cgi"]
            # Left in place, six's importer makes Python 3.11 warn at each later import of a module that is missing.
            sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "spyne.util.six"]


def _lend_cgi() -> bool:
    """Whether `cgi` had to be lent: other packages take its absence for a sign, so it must not stay."""
    try:
        import cgi  # noqa: F401, PLC0415
    except ImportError:
        module = ModuleType("cgi")
        module.parse_header = _parse_header  # type: ignore[attr-defined]
        sys.modules["cgi"] = module
        return True
    return False


def _parse_header(line: str) -> tuple[str, dict[str, str]]:
    """What `cgi.parse_header` gave: the value of a header, and its parameters."""
    message = Message()
    message["content-type"] = line
    return message.get_content_type(), dict(message.get_params([])[1:])
