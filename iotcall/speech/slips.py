"""What one slip of the finger makes of a word. Leaves out: which slip it was."""

from __future__ import annotations

from collections.abc import Iterator

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ALPHABET = len(_LETTERS)
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_BESIDE = {key: "".join(
    other for near in range(max(0, row - 1), row + 2) if near < len(_ROWS)
    for other in _ROWS[near][max(0, at - 1 + (near < row)):at + 2 - (near > row)] if other != key)
    for row, keys in enumerate(_ROWS) for at, key in enumerate(keys)}
"""Letter -> those around it on the keys (QWERTY, each row half a key to the right)."""


def meant_for(word: str) -> Iterator[tuple[str, float]]:
    """Every text of which one slip makes a word in small letters, and how likely that slip is among
    those of its text, all four kinds being as usual; some come twice. Half of the letters that came
    in were struck twice, half of those that were exchanged are beside each other on the keys."""
    length = len(word)
    any_letter = 1 / (2 * _ALPHABET * length) if length else 0.0
    for at in range(length + 1):
        before, behind = word[:at], word[at:]
        if behind:
            is_double = behind[0] in (word[at - 1:at], behind[1:2])
            yield before + behind[1:], any_letter + (1 / (2 * length) if is_double else 0.0)
        if len(behind) > 1 and behind[0] != behind[1]:
            yield before + behind[1] + behind[0] + behind[2:], 1 / (length - 1)
        beside = _BESIDE.get(behind[:1], "")
        for letter in _LETTERS:
            if behind and letter != behind[0]:
                yield before + letter + behind[1:], any_letter + (
                    1 / (2 * len(_BESIDE[letter]) * length) if letter in beside else 0.0)
            yield before + letter + behind, 1 / (length + 1)  # a letter was lost


def one_slip_away(word: str) -> Iterator[str]:
    """Every text that one slip makes of a word in small letters; some come twice."""
    return (text for text, _ in meant_for(word))
