"""``python -m tashika`` is the command ``tashika``."""

import sys

from tashika.cli import main

if __name__ == "__main__":
    sys.exit(main())
