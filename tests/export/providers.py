"""Which targets' providers can be tried here. Leaves out: installing them."""

from __future__ import annotations

from typing import Any

import pytest

from iotcall.export.providers.environments import is_ready
from iotcall.export.target import shipped_targets


def provided(*names: str) -> list[Any]:
    """Parameters: targets whose packages are large, marked slow until they are in the cache."""
    targets = shipped_targets()
    return [pytest.param(name, marks=() if is_ready(targets[name].provider) else pytest.mark.slow)
            for name in names]
