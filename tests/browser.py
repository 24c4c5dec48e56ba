"""The real browser of the tests. Where there is none they are skipped, except in CI."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MISSING = "needs a real browser: apt-get install chromium"
_TIMEOUT_S = 300


def browser_program() -> str:
    """Path of the installed one; skips the test, or fails it in CI, where there is none."""
    for name in _NAMES:
        program = shutil.which(name)
        if program:
            return program
    if os.environ.get("CI"):
        pytest.fail(_MISSING)
    pytest.skip(_MISSING)


def look_at(pages: Sequence[Path], script: str, scratch: Path, *, width: int, dark: bool = False
            ) -> list[Any]:
    """What `script`, a JavaScript function of a page's window, tells of each page of that width.

    Pages are put into frames, so that they may forbid scripts and be as narrow as a phone.
    """
    program = browser_program()
    around = scratch / f"around-{width}-{dark}.html"
    frames = "".join(f'<iframe src="{page.as_uri()}" style="border:0;width:{width}px;height:900px">'
                     "</iframe>" for page in pages)
    around.write_text(
        f"{frames}<pre id=told></pre><script>\nwindow.onload = () => {{ "
        "document.getElementById('told').textContent = JSON.stringify("
        "[...document.querySelectorAll('iframe')].map("
        f"frame => ({script})(frame.contentWindow)));\n}};</script>", encoding="utf-8")
    command = [program, "--headless=new", "--no-sandbox", "--disable-gpu",
               "--disable-dev-shm-usage", "--allow-file-access-from-files",
               f"--user-data-dir={scratch / 'profile'}",
               "--virtual-time-budget=5000", "--window-size=1400,1000",
               *(["--force-dark-mode"] if dark else []), "--dump-dom", around.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    told = re.search(r'<pre id="told">(.+?)</pre>', done.stdout, re.DOTALL)
    assert told is not None, f"the browser told nothing: {done.stderr[-2000:]}"
    found: list[Any] = json.loads(html.unescape(told[1]))
    return found
