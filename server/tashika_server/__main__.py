"""`python -m tashika_server` is the command `tashika-server`."""

import sys

from tashika_server.cli import main

sys.exit(main())
