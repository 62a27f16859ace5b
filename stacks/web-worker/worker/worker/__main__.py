"""Run with `python -m worker`."""

from worker.loop import main

main()
