"""A cable that can be cut: hands bytes on between a port of its own and another one here.

    python -m iotcall.hil.relay PORT     # says its own port, then works until it is ended

SIGUSR1 cuts it: connections stay open, and nothing goes through, new ones included, as with a
network that is gone; SIGUSR2 joins it again, and what was on its way arrives, as TCP sees to. Runs
on the board, so it wants nothing but Python. Leaves out: what is sent through it.
"""

from __future__ import annotations

import asyncio
import signal
import sys

_CHUNK = 65536


class Relay:
    """Between its own port and another."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._whole = asyncio.Event()
        self._whole.set()

    async def serve(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self._whole.clear)
        loop.add_signal_handler(signal.SIGUSR2, self._whole.set)
        server = await asyncio.start_server(self._took, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        async with server:
            await server.serve_forever()

    async def _took(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        try:
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._hand_on(reader, other_writer),
                             self._hand_on(other_reader, writer), return_exceptions=True)

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(_CHUNK):
                await self._whole.wait()
                writer.write(data)
                await writer.drain()
        finally:
            await self._whole.wait()
            writer.close()


if __name__ == "__main__":
    asyncio.run(Relay(int(sys.argv[1])).serve())
