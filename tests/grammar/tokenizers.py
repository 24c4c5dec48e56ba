"""Two kinds of small tokenizers, trained on a few answers of the workshop."""

from __future__ import annotations

import json

from tokenizers import Tokenizer, decoders, models, normalizers, trainers

from iotcall.catalogue import ToolCall
from iotcall.distill.training.tokenizer import train_tokenizer
from iotcall.formats import Format
from iotcall.grammar.vocabulary import Vocabulary
from tests.workshop import WORKSHOP

SPACE = "\u2581"


def byte_level(format: Format) -> Tokenizer:
    """As Qwen3's and LFM2's: every byte is a character of its own alphabet."""
    return train_tokenizer(_answers(format), format, 340)


def byte_fallback(format: Format) -> Tokenizer:
    """As Gemma's: characters, and ``<0xNN>`` for the bytes of those that it never saw."""
    special = list(format.special_tokens)
    learner = Tokenizer(models.BPE())
    learner.normalizer = normalizers.Replace(" ", SPACE)
    learner.train_from_iterator(_answers(format), trainers.BpeTrainer(
        vocab_size=len(special) + 100, special_tokens=special, show_progress=False))
    learnt = json.loads(learner.to_str())["model"]
    ids = [*special, *(f"<0x{byte:02X}>" for byte in range(256)),
           *(token for token in learnt["vocab"] if token not in special)]
    tokenizer = Tokenizer(models.BPE(
        vocab={token: id for id, token in enumerate(ids)}, unk_token=special[0],
        merges=[tuple(merge) for merge in learnt["merges"]], byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", SPACE)
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(special)
    return tokenizer


def single_bytes(tokenizer: Tokenizer) -> dict[int, int]:
    """Byte -> id of the first token that is this byte alone."""
    found: dict[int, int] = {}
    special = tokenizer.get_added_tokens_decoder()
    for id, text in sorted(Vocabulary(tokenizer).bytes_of(tokenizer.get_vocab().values()).items()):
        if len(text) == 1 and id not in special:
            found.setdefault(text[0], id)
    return found


def _answers(format: Format) -> list[str]:
    return 9 * [format.render([call], WORKSHOP) for call in (
        ToolCall("heat", {"degrees": 68}), ToolCall("heat", {"degrees": 70}), ToolCall("stop"),
        ToolCall("plan", {"note": "tea", "loud": True, "level": "wine cellar", "days": ["mo"]}))]
