"""The lamp catalogue and its students: where they lie."""

from pathlib import Path

FOLDER = Path(__file__).parent / "catalogues" / "lamp"
STUDENTS = {"qwen3": "hermes", "gemma3": "functiongemma", "lfm2": "lfm2"}
"""Architecture -> its family's wire format; the checkpoints lie in ``tests/students/``."""
