"""The reference, except that it holds 700 MiB from the start."""

from service.server import main

held = b"x" * (700 * 1024 * 1024)
main()
