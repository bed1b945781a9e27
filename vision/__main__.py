"""``python -m vision`` is the ``vision`` command."""

import sys

from vision.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
