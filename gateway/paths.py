"""Where the service descriptions are: inside the package once installed, beside it in a checkout."""

from pathlib import Path


def wsdl_dir() -> Path:
    """The directory of the WSDL files. A wheel carries them as `gateway/_wsdl`, an editable install does not."""
    package = Path(__file__).resolve().parent
    packaged = package / "_wsdl"
    return packaged if packaged.is_dir() else package.parent / "wsdl"
