"""`python -m sparring`: the command line, where the console script is not on the path."""

import sys

from sparring.cli import main

sys.exit(main())
