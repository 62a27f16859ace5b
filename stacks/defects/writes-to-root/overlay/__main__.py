"""The reference, except that it keeps a file in its home."""

from pathlib import Path

from service.server import main

(Path.home() / "state").write_text("started")
main()
