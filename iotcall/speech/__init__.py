"""What people said: its words and the numbers in it. Leaves out: what they meant by them."""

from iotcall.speech.numbers import SaidNumber, is_number_word, numbers, said_numbers
from iotcall.speech.words import words

__all__ = ["SaidNumber", "is_number_word", "numbers", "said_numbers", "words"]
