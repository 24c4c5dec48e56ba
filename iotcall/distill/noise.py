"""Make a sentence look as people type and as recognisers write. Leaves out: meaning."""

from __future__ import annotations

from random import Random

BEFORE = ("please", "hey", "ok", "okay", "um", "uh", "so", "alright", "right", "can you",
           "could you", "hey can you", "could you please", "yes", "hi", "well", "also", "now",
           "and")
AFTER = ("please", "now", "thanks", "thank you", "right now", "for me", "okay", "if you can")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def roughen(sentence: str, random: Random, *, breaks_off: bool = False) -> str:
    """The sentence with the case, punctuation, padding and slips of real input."""
    if random.random() < 0.10:
        sentence = f"{random.choice(BEFORE)}{random.choice(('', '', ','))} {sentence}"
    if not breaks_off and random.random() < 0.08 and sentence[-1:] not in "?.!":
        sentence = f"{sentence}{random.choice(('', '', ','))} {random.choice(AFTER)}"
    style = random.random()
    if style < 0.25:  # a recogniser's transcript
        sentence = "".join(c if c.isalnum() or c in "'" else " " for c in sentence.lower())
        sentence = " ".join(sentence.split())
    elif style < 0.70:  # as written
        sentence = sentence[:1].upper() + sentence[1:]
        if not breaks_off and random.random() < 0.25 and sentence[-1:].isalnum():
            sentence += random.choice((".", ".", "!"))
    if random.random() < 0.04:
        sentence = slip(sentence, random)
    return sentence


def slip(sentence: str, random: Random) -> str:
    """One slip of the finger, inside a word of letters only, so that numbers stay right."""
    words = sentence.split(" ")
    long = [index for index, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    if not long:
        return sentence
    index = random.choice(long)
    word = words[index]
    place = random.randrange(1, len(word) - 1)
    words[index] = random.choice((
        word[:place] + word[place + 1:],
        word[:place] + word[place] + word[place:],
        word[:place] + word[place + 1] + word[place] + word[place + 2:],
        word[:place] + random.choice(_LETTERS) + word[place + 1:],
    ))
    return " ".join(words)
