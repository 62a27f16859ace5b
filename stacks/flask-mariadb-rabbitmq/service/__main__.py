"""Run with `python -m service`: settings first, then the server, which listens before the dependencies are there."""

import logging
import sys

from service import logs
from service.settings import PORT, Settings, SettingsError

log = logging.getLogger("service")

# Below the 10 s after which a container engine sends SIGKILL, with room to close the connections.
DRAIN_LIMIT_S = 6
THREADS = 8


def read_or_exit() -> Settings:
    try:
        return Settings.from_environment()
    except SettingsError as error:
        log.critical("settings: %s", error)
        sys.exit(1)


def main() -> None:
    logs.configure()
    settings = read_or_exit()

    from service.server import serve  # after the settings, because these imports take most of the start

    serve(settings, PORT, THREADS, DRAIN_LIMIT_S)


main()
