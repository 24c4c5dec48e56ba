"""From an utterance to a valid call with its confidence, on onnxruntime."""

from iotcall.runtime.decoding import Decoding, Outcome
from iotcall.runtime.student import Student, Turn

__all__ = ["Decoding", "Outcome", "Student", "Turn"]
