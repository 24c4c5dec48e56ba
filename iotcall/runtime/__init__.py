"""From an utterance to a valid call with its confidence, on onnxruntime."""

from iotcall.runtime.answers import Decoding, Outcome, RunnerUp
from iotcall.runtime.part import Turn
from iotcall.runtime.student import PLAIN, Modes, Student

__all__ = ["PLAIN", "Decoding", "Modes", "Outcome", "RunnerUp", "Student", "Turn"]
