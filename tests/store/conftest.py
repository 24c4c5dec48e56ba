from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from iotcall.store import Clocks, Store, StoreSettings, open_store


class Hands:
    """Moves the clocks of one machine."""

    def __init__(self) -> None:
        self.wall, self.elapsed, self.boots = 1_750_000_000.0, 5000.0, 1

    def go_on(self, seconds: float) -> None:
        """Time goes by."""
        self.wall += seconds
        self.elapsed += seconds

    def jump(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self.wall += seconds

    def reboot(self, *, off_seconds: float, clock_stood_still: bool = False) -> None:
        """Without a battery the wall clock stands still meanwhile."""
        self.wall += 0 if clock_stood_still else off_seconds
        self.elapsed = 20.0
        self.boots += 1

    def clocks(self) -> Clocks:
        return Clocks(wall=lambda: self.wall, elapsed=lambda: self.elapsed,
                      boot=f"boot {self.boots}")


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hub.db"


@pytest.fixture
def reopen(path: Path, hands: Hands) -> Iterator[Callable[..., Store]]:
    """Opens the store; the next call closes it and opens it again."""
    latest: list[Store] = []

    def again(settings: StoreSettings | None = None) -> Store:
        for store in latest:
            store.close()
        latest[:] = [open_store(path, settings, clocks=hands.clocks())]
        return latest[0]

    yield again
    for store in latest:
        store.close()


@pytest.fixture
def store(reopen: Callable[..., Store]) -> Store:
    return reopen()
