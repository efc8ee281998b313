"""`python -m gateway.cli` is `sluss`."""

from gateway.cli import main

if __name__ == "__main__":
    main()
