"""A tokenizer without the tokens that a closed catalogue does not need.

Kept: what some texts are written with, and whatever a person may write in the given scripts. Any
other text still encodes, byte by byte, and decodes as before. Leaves out: cutting the rows of a
graph's embedding and head (see the exporter).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.pre_tokenizers import ByteLevel

from iotcall.errors import ExportError

SCRIPTS: dict[str, tuple[str, ...]] = {
    "Arabic": ("ARABIC ",), "Armenian": ("ARMENIAN ",), "Bengali": ("BENGALI ",),
    "Cyrillic": ("CYRILLIC ",), "Devanagari": ("DEVANAGARI ",), "Georgian": ("GEORGIAN ",),
    "Greek": ("GREEK ",), "Gujarati": ("GUJARATI ",), "Gurmukhi": ("GURMUKHI ",),
    "Han": ("CJK ", "IDEOGRAPHIC "), "Hangul": ("HANGUL ",), "Hebrew": ("HEBREW ",),
    "Hiragana": ("HIRAGANA ",), "Kannada": ("KANNADA ",),
    "Katakana": ("KATAKANA ", "KATAKANA-HIRAGANA "), "Khmer": ("KHMER ",), "Lao": ("LAO ",),
    "Latin": ("LATIN ",), "Malayalam": ("MALAYALAM ",), "Sinhala": ("SINHALA ",),
    "Tamil": ("TAMIL ",), "Telugu": ("TELUGU ",), "Thai": ("THAI ",)}
"""Unicode's scripts by the first words of their characters' names; half and full widths aside."""

_COMMON = re.compile(
    "[\\x00-@\\[-`{-\xbf\xd7\xf7"  # digits, signs and spaces of ASCII and Latin-1
    "\u02b0-\u036f"  # modifier letters, combining marks
    "\u2000-\u218f]")  # dashes, quotes, spaces, currencies, degrees, fractions
_PLACEHOLDER = re.compile(r"(unused|reserved)\w*\d", re.IGNORECASE)
"""Added tokens that no training gave a meaning: ``<unused17>``, ``<|reserved_3|>``."""
_WITHOUT_IDS = {"ByteLevel", "Sequence"}


class TrimmedVocabulary(msgspec.Struct, frozen=True, kw_only=True):
    """A smaller tokenizer, and where its tokens stood in the one before."""

    tokenizer: Tokenizer
    rows: NDArray[np.int64]
    """(kept,) the old id of each new id, ascending."""
    kept: int
    """New ids: 0 up to here, without gaps."""
    before: int
    """Tokens before; a checkpoint's embedding may have more rows than that, as padding."""


def trim_vocabulary(
    tokenizer: Tokenizer, texts: Iterable[str], *, scripts: Collection[str] = ("Latin",),
    most: int | None = None,
) -> TrimmedVocabulary:
    """Keep the tokens of `texts`, those that write all bytes, and those made of `scripts`.

    - Texts, and all that is written with their tokens, keep their splittings: a token stays with
      whatever the tokenizer merges on the way to it.
    - A token of `scripts` has no other characters than theirs, digits, punctuation and spaces.
    - `most` caps the tokens: of those of `scripts`, characters stay first, then the lowest ids,
      which were merged first. All others stay even where they are more than `most`.
    - Added tokens stay, but placeholders (``<unused17>``) only if a text has them or the
      post-processor or the padding names them; else text that spells one is ordinary text.

    Raises:
        ExportError: the tokenizer is no BPE over bytes or with bytes to fall back to; or a script
            is not known.
    """
    definition = json.loads(tokenizer.to_str())
    required = _byte_tokens(definition)
    places = list(_places(definition))
    model, decoder = definition["model"], tokenizer.decoder
    ids: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
    tokens = _by_id(ids)
    added = {token["content"] for token in definition["added_tokens"]}
    written = {token: decoder.decode([token]) for token in model["vocab"] if token not in added}
    alphabet = _alphabet(scripts, set().union(*written.values()))

    used = _ids_of(_plain(tokenizer), texts) | {holder[key] for holder, key in places}
    required |= {_existing(tokens, id) for id in used}
    required |= {model["unk_token"]} & model["vocab"].keys()
    required |= {token for token in added if not _PLACEHOLDER.search(token)}
    # such as "▁": spelt in bytes, the decoder would not make a space of it
    required |= {token for token, text in written.items() if len(token) == 1 and text != token}

    merging = _Merging(model["vocab"], model["merges"])
    kept = set(required)
    for token in required:
        kept |= merging.parts(token) or set()
    wanted = [token for token, text in written.items() if text and alphabet.issuperset(text)]
    for token in sorted(wanted, key=lambda token: (len(token) > 1, ids[token])):
        if most is not None and len(kept) >= most:
            break
        parts = merging.parts(token)
        if parts is None:  # no merge leads there; as a whole word it may be looked up
            parts = {token} if model["ignore_merges"] else set()
        if most is None or len(kept) + len(parts - kept) <= most:
            kept |= parts

    order = sorted(kept, key=ids.__getitem__)
    rows = np.array([ids[token] for token in order], np.int64)
    return TrimmedVocabulary(tokenizer=_with_tokens(definition, places, order, tokens), rows=rows,
                             kept=len(rows), before=len(ids))


def retokenised(before: Tokenizer, trimmed: TrimmedVocabulary, texts: Iterable[str]) -> float:
    """Share of texts that the trimmed tokenizer splits into other tokens than the one before."""
    before, after = _plain(before), _plain(trimmed.tokenizer)
    rows = trimmed.rows.tolist()
    differs = [before.encode(text, add_special_tokens=False).ids
               != [rows[id] for id in after.encode(text, add_special_tokens=False).ids]
               for text in texts]
    return sum(differs) / len(differs) if differs else 0.0


class _Merging:
    """What a BPE does to a token's own text, merge by merge."""

    def __init__(self, vocabulary: dict[str, int], merges: list[list[str]]) -> None:
        self._vocabulary = vocabulary
        self._ranks = {(left, right): rank for rank, (left, right) in enumerate(merges)}

    def parts(self, token: str) -> set[str] | None:
        """The token, its characters and all that is merged between; none if that ends elsewhere.

        In a longer text a token comes about by the same merges: none reached across its ends.
        """
        symbols = list(token)
        found = set(symbols)
        if not token or not self._vocabulary.keys() >= found:
            return None
        last = len(self._ranks)
        while len(symbols) > 1:
            ranks = [self._ranks.get(pair, last) for pair in pairwise(symbols)]
            if (rank := min(ranks)) == last:
                return None
            place = ranks.index(rank)
            symbols[place:place + 2] = [symbols[place] + symbols[place + 1]]
            found.add(symbols[place])
        return found


def _byte_tokens(definition: dict[str, Any]) -> set[str]:
    """The tokens that together write every byte."""
    model = definition["model"]
    if model["type"] != "BPE":
        raise ExportError(f"a vocabulary is trimmed along the merges of a BPE, and the tokenizer "
                          f"is a {model['type']}: export the student with its whole vocabulary")
    for option in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        if model[option]:
            raise ExportError(f"expected a BPE without {option}, found {model[option]!r}: export "
                              "the student with its whole vocabulary")
    kinds = {part["type"] for part in _parts(definition["pre_tokenizer"], "pretokenizers")}
    if "ByteLevel" in kinds:
        found = set(ByteLevel.alphabet())
    elif model["byte_fallback"]:
        found = {f"<0x{byte:02X}>" for byte in range(256)}
    else:
        raise ExportError("expected a BPE over bytes (ByteLevel) or with byte_fallback, found one "
                          "over characters: export the student with its whole vocabulary")
    if definition["decoder"] is None:
        raise ExportError("the tokenizer has no decoder, so its tokens stand for no text")
    if missing := sorted(found - model["vocab"].keys()):
        raise ExportError(f"the tokenizer cannot write every byte: it lacks {len(missing)} of "
                          f"their 256 tokens, such as {missing[0]!r}")
    return found


def _parts(whole: dict[str, Any] | None, key: str) -> Iterator[dict[str, Any]]:
    """A part of the pipeline, and those that it is a sequence of."""
    if whole is not None:
        yield whole
        for part in whole.get(key, ()):
            yield from _parts(part, key)


def _places(definition: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Wherever an id stands, vocabulary and added tokens aside: what holds it, at which key."""
    if definition["padding"] is not None:
        yield definition["padding"], "pad_id"
    for part in _parts(definition["post_processor"], "processors"):
        match part["type"]:
            case "TemplateProcessing":
                for special in part["special_tokens"].values():
                    yield from ((special["ids"], index) for index in range(len(special["ids"])))
            case "BertProcessing" | "RobertaProcessing":
                yield from ((part[role], 1) for role in ("sep", "cls"))  # ["</s>", 2]
            case kind if kind not in _WITHOUT_IDS:
                raise ExportError(f"the post-processor {kind} is not known; ids in it may be wrong "
                                  "in a trimmed vocabulary: export the student with its whole one")


def _by_id(ids: dict[str, int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for token in sorted(ids):
        if (other := found.setdefault(ids[token], token)) != token:
            raise ExportError(f"the tokens {other!r} and {token!r} share the id {ids[token]}: "
                              "mend tokenizer.json")
    return found


def _existing(tokens: dict[int, str], id: int) -> str:
    if id not in tokens:
        raise ExportError(f"the tokenizer's post-processor or padding names the id {id}, which no "
                          "token has: mend tokenizer.json")
    return tokens[id]


def _plain(tokenizer: Tokenizer) -> Tokenizer:
    """A tokenizer that neither cuts nor fills up."""
    if tokenizer.truncation or tokenizer.padding:
        tokenizer = Tokenizer.from_str(tokenizer.to_str())
        tokenizer.no_truncation()
        tokenizer.no_padding()
    return tokenizer


def _ids_of(tokenizer: Tokenizer, texts: Iterable[str]) -> set[int]:
    """The ids that the texts are written with."""
    return {id for text in texts for id in tokenizer.encode(text, add_special_tokens=False).ids}


def _alphabet(scripts: Collection[str], characters: set[str]) -> set[str]:
    """Those of the characters that belong to the scripts or to all of them."""
    if unknown := sorted(set(scripts) - SCRIPTS.keys()):
        raise ExportError(f"the script {unknown[0]!r} is not known; there are "
                          f"{', '.join(SCRIPTS)}")
    names = tuple(name for script in scripts for name in SCRIPTS[script])
    return {char for char in characters
            if _COMMON.match(char) or unicodedata.name(char, "").startswith(names)}


def _with_tokens(definition: dict[str, Any], places: list[tuple[Any, Any]], order: list[str],
                 tokens: dict[int, str]) -> Tokenizer:
    """The tokenizer of these tokens, numbered as they come; consumes its definition."""
    new = {token: id for id, token in enumerate(order)}
    for holder, key in places:
        holder[key] = new[tokens[holder[key]]]
    definition["added_tokens"] = [token | {"id": new[token["content"]]}
                                  for token in definition["added_tokens"]
                                  if token["content"] in new]
    model = definition["model"]
    model["vocab"] = {token: id for token, id in new.items() if token in model["vocab"]}
    model["merges"] = [(left, right) for left, right in model["merges"]
                       if left in new and right in new and left + right in new]
    trimmed = Tokenizer.from_str(json.dumps(definition))
    if trimmed.get_vocab(with_added_tokens=True) != new:
        # the library numbers added tokens behind the model's
        raise ExportError("the tokenizer has added tokens with ids among the model's, and not in "
                          "its vocabulary: write them into model.vocab of tokenizer.json")
    return trimmed
