"""What is kept between utterances: the past of each site, and that of each prompt's beginning.

Bounded, least recently used first; what went is run again when it is needed. Leaves out: which
tokens a prompt has.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import msgspec

from iotcall.runtime.decoders import Past
from iotcall.runtime.passes import Around, whole

Key = tuple[str | None, str]
"""Site (None: what all sites begin with), part of the bundle."""


class Memory(msgspec.Struct):
    """A past and the tokens that it holds."""

    tokens: list[int]
    past: Past
    bytes: int = 0
    """Counted where the past shares what it holds; else the past knows."""
    around: Around = None
    """Tokens around an utterance that is read both ways (see passes)."""

    @property
    def size(self) -> int:
        return self.bytes or self.past.bytes

    def keep(self, ids: Sequence[int]) -> int:
        """Forget what is not the beginning of `ids`, whose last token is to be run in any case;
        returns how many are left."""
        most = min(len(self.tokens), len(ids) - 1)
        common = next((at for at in range(most) if self.tokens[at] != ids[at]), most)
        common = self.past.cut(whole(ids, common, self.around))
        del self.tokens[common:]
        return common


class Memories:
    """Memories by site and part."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Key, Memory] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def bytes(self) -> int:
        """Memory that they take together, roughly."""
        return sum(memory.size for memory in self._kept.values())

    def of(self, key: Key, make: Callable[[], Memory]) -> Memory:
        """The memory of a key, made if there is none; it is the last to go."""
        memory = self._kept.get(key)
        if memory is None:
            memory = self._kept[key] = make()
        self._kept.move_to_end(key)
        return memory

    def of_site(self, site: str) -> list[str]:
        """The parts that a site has memories of."""
        return [part for known, part in self._kept if known == site]

    def forget(self, site: str | None = None) -> None:
        """Forget a site; without one, everything."""
        for key in [key for key in self._kept if site is None or key[0] == site]:
            del self._kept[key]

    def shrink(self) -> None:
        """Forget the least recently used ones until the rest fits; the newest stays in any case,
        as a follow-up is likeliest there."""
        total = self.bytes
        while total > self._most_bytes and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            total -= gone.size
