"""The reference, except that it is the first process itself, and slow to install its handlers."""

import time

# What a large program takes for its imports.
time.sleep(2)

from service.server import main  # noqa: E402

main()
