"""From an utterance to a valid call with its confidence, on onnxruntime."""

from iotcall.runtime.answers import Decoding, Other, Outcome
from iotcall.runtime.others import RUNNER_UP, Others
from iotcall.runtime.part import Turn
from iotcall.runtime.student import PLAIN, Modes, Student
from iotcall.runtime.weighing import decode_weighed

__all__ = [
    "PLAIN", "RUNNER_UP", "Decoding", "Modes", "Other", "Others", "Outcome", "Student", "Turn",
    "decode_weighed",
]
