"""The command line."""

from igcli.cli.main import main

__all__ = ["main"]
