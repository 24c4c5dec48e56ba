"""amqtt as a broker of our own, run as `python -m iotcall.demo.embedded PORT`.

Leaves out: MQTT 5 and kept messages; it is for trying things out where no mosquitto is installed.
"""

from __future__ import annotations

import asyncio
import logging
import sys

from amqtt.broker import Broker


async def serve(port: int) -> None:
    """Listen on 127.0.0.1 until the process is told to end."""
    broker = Broker({
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    })
    await broker.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    asyncio.run(serve(int(sys.argv[1])))
