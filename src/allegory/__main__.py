"""`python -m allegory` is the command `allegory`."""

import sys

from allegory.cli import main

sys.exit(main())
