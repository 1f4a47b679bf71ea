"""``python -m unifinit.cli``."""

import sys

from unifinit.cli import main

sys.exit(main())
