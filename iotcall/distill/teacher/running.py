"""Many questions at once, and an end that loses nothing. Leaves out: one question (asking).

On Ctrl-C no new request is begun, and those under way are waited for: their answers are paid for
and go into the ledger. A second Ctrl-C abandons them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from iotcall.distill.teacher.asking import Asker, Stop

Item = TypeVar("Item")
Result = TypeVar("Result")


async def run_all(asker: Asker, items: Sequence[Item], work: Callable[[Item], Awaitable[Result]], *,
                  parallel: int, done: Callable[[], None] = lambda: None,
                  interrupted: Callable[[], None] = lambda: None) -> list[Result | None]:
    """The results in the order of the items; None: it was not asked about to the end.

    Args:
        parallel: items in hand at once.
        done: called after each item.
        interrupted: called when Ctrl-C has been pressed and answers are still waited for.

    Raises:
        CancelledError: Ctrl-C; after what was under way has come to its end.
        IotcallError: one of the items' own, once the others have come to their end.
    """
    results: list[Result | None] = [None] * len(items)
    numbered = iter(enumerate(items))
    leaving = asyncio.Event()

    async def worker() -> None:
        for index, item in numbered:  # shared by all workers
            if leaving.is_set():
                return
            await asyncio.sleep(0)  # subtle: a pass through the ledger never waits for anything
            try:
                results[index] = await work(item)
            except Stop:
                continue  # others may be answered by the ledger
            except BaseException:
                leaving.set()
                asker.stop("an error")
                raise
            done()

    workers = [asyncio.create_task(worker()) for _ in range(min(parallel, len(items)))]
    if not workers:
        return results
    try:
        try:
            await asyncio.wait(workers)
        except asyncio.CancelledError:
            leaving.set()
            asker.stop("interrupted")
            interrupted()
            await asyncio.wait(workers)
            raise
        for each in workers:
            await each
    finally:
        for each in workers:
            each.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return results
