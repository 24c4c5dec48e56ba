"""What people said: its words, the numbers in it and the values it calls by name.

Leaves out: what they meant by them.
"""

from iotcall.speech.amounts import Amount, amount
from iotcall.speech.colors import color, color_name, white, white_name
from iotcall.speech.degrees import Degrees, degrees
from iotcall.speech.durations import duration
from iotcall.speech.numbers import SaidNumber, is_number_word, numbers, said_numbers
from iotcall.speech.prior import ValuePrior
from iotcall.speech.shares import Share, share
from iotcall.speech.spelling import alike
from iotcall.speech.typos import Lexicon, Respelt, Speller
from iotcall.speech.words import words
from iotcall.speech.written_out import written_out

__all__ = [
    "Amount", "Degrees", "Lexicon", "Respelt", "SaidNumber", "Share", "Speller", "ValuePrior",
    "alike", "amount", "color", "color_name", "degrees", "duration", "is_number_word", "numbers",
    "said_numbers", "share", "white", "white_name", "words", "written_out",
]
