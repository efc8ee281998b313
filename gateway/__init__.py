"""The core: knows no protocol, opens every socket."""

__version__ = "0.1.0"
