"""Entry point of `python -m igcli`."""

import sys

from igcli.cli import main

sys.exit(main())
