"""From a call to what the hub does and says. Leaves out: the student and the connection."""

from iotcall.dialogue.conversation import Conversation
from iotcall.dialogue.outcomes import Answer, NotUnderstood, Outcome, Plan, Question, Refusal
from iotcall.dialogue.reading import dialogue_of, read_dialogue
from iotcall.dialogue.session import Session, SessionStore
from iotcall.dialogue.settings import DialogueSettings

__all__ = [
    "Answer",
    "Conversation",
    "DialogueSettings",
    "NotUnderstood",
    "Outcome",
    "Plan",
    "Question",
    "Refusal",
    "Session",
    "SessionStore",
    "dialogue_of",
    "read_dialogue",
]
