"""From an utterance to a valid call with its confidence, on onnxruntime."""

from iotcall.runtime.decoding import Decoding, Outcome
from iotcall.runtime.student import Modes, Student, Turn

__all__ = ["Decoding", "Modes", "Outcome", "Student", "Turn"]
