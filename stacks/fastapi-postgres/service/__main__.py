"""Run with `python -m service`."""

from service.server import main

main()
