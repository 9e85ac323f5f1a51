"""The command line of igcli."""

from igcli.cli.main import main

__all__ = ["main"]
