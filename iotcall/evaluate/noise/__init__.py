"""Labelled dialogues made harder to read: slips of the finger, slips of a recogniser."""

from iotcall.evaluate.noise.mishearing import mishear
from iotcall.evaluate.noise.result import NoiseFigures, Noisy, word_error_rate
from iotcall.evaluate.noise.typos import mistype

__all__ = ["NoiseFigures", "Noisy", "mishear", "mistype", "word_error_rate"]
