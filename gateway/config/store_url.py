"""The address of a store: which there are, and that none holds a password."""

from urllib.parse import parse_qs, urlsplit


def store_url(text: str) -> str:
    """The URL as it is. Raises ValueError with what to write."""
    if text.startswith("postgresql://"):
        return _database(text)
    if text != "memory:" and not (text.startswith("sqlite:///") and len(text) > len("sqlite:///")):
        raise ValueError("only sqlite:///PATH, postgresql://USER@HOST/DATABASE and memory: are supported")
    return text


def _database(text: str) -> str:
    try:
        url = urlsplit(text)
        whole = bool(url.path.strip("/")) and url.port != 0 and text.isprintable() and " " not in text
    except ValueError:
        whole = False
    if not whole:
        raise ValueError("must be the URL of a database, such as postgresql://sluss@db.example.org/sluss")
    if url.password is not None or "password" in parse_qs(url.query):
        raise ValueError(
            "holds a password, which would show wherever the configuration is shown: give it in the environment, as"
            " PGPASSWORD, or in a file that ?passfile=/run/secrets/pgpass names"
        )
    return text
