"""The reference, except that a lost connection stays lost."""

from service.database import Database
from service.server import main


async def connect_for_good(self: Database) -> None:
    self._pool = await self.connect_with_back_off()
    await self._lost.wait()
    await self._close_pool()


Database.keep_connected = connect_for_good
main()
