"""Write ``build/peers/FAMILY/task.json``: what every system is asked, in tokens.

Prompt, utterances and calls are smart_home's, in the family's own format. The language of calls is
ours in other dialects; before it is written, thousands of random answers of our automaton and as
many spoilt ones are put to each. Leaves out: llama.cpp's dialect, which only llama.cpp can judge
(``accepts`` in protocol; `driver` has ``--check``), so that these answers go to ``checks.json``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from iotcall.catalogue import load_catalogue
from iotcall.evaluate.dialogues import read_dialogues
from iotcall.formats import FORMATS
from iotcall.grammar import Binder, Walk
from iotcall.grammar.compiler import compile_automaton
from iotcall.grammar.vocabulary import Vocabulary
from iotcall.runtime.prompt import PromptTokens
from tests.benchmarks.expressions import lark, spelt_out
from tests.benchmarks.material import ROOT
from tests.benchmarks.peers.checkpoint import FORMAT_OF, WORK, real_checkpoint
from tests.benchmarks.peers.languages import (
    gbnf,
    python_expression,
    rust_expression,
    without_end,
)

GRAMMAR = ROOT / "grammars" / "smart_home"
TOKEN_BUDGET = 160
SAMPLES = 2000


def write_task(family: str) -> Path:
    """The task's file; its grammars agree with ours on random answers."""
    checkpoint = real_checkpoint(family)
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    catalogue, format = load_catalogue(GRAMMAR), FORMATS[FORMAT_OF[family]]
    pieces = format.pieces(catalogue)
    walk = Binder(compile_automaton(catalogue, format, pieces, tokenizer), tokenizer).walk()
    prompt = PromptTokens(tokenizer, format, pieces, catalogue)
    markers, whole = spelt_out(catalogue, format)
    expression = without_end(whole, markers)
    ids = [tokenizer.token_to_id(marker) for marker in markers]
    languages = {"regex": rust_expression(expression, markers), "gbnf": gbnf(expression, ids),
                 "lark": lark(expression, ids)}
    items, (end,) = [], tokenizer.encode(pieces.end, add_special_tokens=False).ids
    for dialogue in read_dialogues(GRAMMAR / "golden.jsonl"):
        turn = dialogue.turns[0]
        if len(turn.calls) != 1:
            continue
        call = format.render(turn.calls, catalogue)
        tokens = tokenizer.encode(call, add_special_tokens=False).ids
        if not walk.accepts([*tokens, end]):
            raise ValueError(f"our grammar refuses the reference {call!r}")
        items.append({"utterance": turn.utterance, "tokens": prompt.open_turn(turn.utterance),
                      "call": call, "call_tokens": tokens})
    (stop,) = {item["call_tokens"][-1] for item in items}
    task = {
        "family": family, "format": format.name, "vocabulary": tokenizer.get_vocab_size(),
        "markers": dict(zip(markers, ids, strict=True)), "end": end, "stop": stop,
        "max_tokens": TOKEN_BUDGET, "prefix": prompt.prefix(),
        "opening": walk.forced_run(walk.start)[0], "languages": languages, "items": items}
    texts = _texts(tokenizer)
    checks = _checks(walk, texts, python_expression(expression, markers), end,
                     [item["call_tokens"] for item in items])
    _agree_outlines(languages["regex"], texts, checks)
    _agree_llguidance(languages["lark"], checkpoint / "tokenizer.json", ids, tokenizer, checks)
    folder = WORK / family
    (folder / "checks.json").write_text(json.dumps(checks), encoding="utf-8")
    path = folder / "task.json"
    path.write_text(json.dumps(task, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


def _checks(walk: Walk, texts: Sequence[bytes], expression: str, end: int,
            references: Sequence[Sequence[int]]) -> list[dict[str, Any]]:
    """Answers without their end, and whether they are valid; ``re`` and our automaton agree.

    Left out are halves of letters, and special tokens inside free strings: engines that know these
    by their texts only take them for letters there.
    """
    random, pattern = np.random.default_rng(0), re.compile(expression)
    answers = [walk.sample(random)[:-1] for _ in range(SAMPLES)] + [list(one) for one in references]
    valid_texts, found = set(), []
    for place, tokens in enumerate([*answers, *(_spoil(one, answers, random) for one in answers)]):
        try:
            text = b"".join(texts[token] for token in tokens).decode()
        except UnicodeDecodeError:
            continue
        valid = pattern.fullmatch(text) is not None
        ours = walk.accepts([*tokens, end])
        if (ours and not valid) or (place < len(answers) and not ours):
            raise ValueError(f"re says {valid}, our automaton {ours}: {text!r}")
        # subtle: ours takes one spelling of a text only, so a text may be valid and its tokens not
        if valid and not ours and text not in valid_texts:
            continue
        valid_texts |= {text} if valid else set()
        found.append({"tokens": list(map(int, tokens)), "text": text, "valid": valid})
    return found


def _spoil(answer: Sequence[int], others: Sequence[Sequence[int]],
           random: np.random.Generator) -> list[int]:
    """An answer with a token dropped, doubled or taken from another answer."""
    at, other = int(random.integers(len(answer))), others[int(random.integers(len(others)))]
    middle = ([], [answer[at]] * 2, [other[int(random.integers(len(other)))]])
    return [*answer[:at], *middle[int(random.integers(3))], *answer[at + 1:]]


def _texts(tokenizer: Tokenizer) -> list[bytes]:
    """What every token spells; special ones by their names."""
    spelt = Vocabulary(tokenizer).all_bytes()
    return [spelt[id] if id in spelt else tokenizer.id_to_token(id).encode()
            for id in range(tokenizer.get_vocab_size())]


def _agree_outlines(expression: str, texts: Sequence[bytes],
                    checks: Sequence[dict[str, Any]]) -> None:
    import outlines_core

    ids: dict[bytes, list[int]] = {}
    for token, text in enumerate(texts):
        ids.setdefault(text, []).append(token)
    index = outlines_core.Index(expression, outlines_core.Vocabulary(len(texts), ids))
    for check in checks:
        guide = outlines_core.Guide(index)
        accepts = guide.accepts_tokens(check["tokens"])
        if accepts:
            for token in check["tokens"]:
                guide.advance(token, return_tokens=False)
            accepts = guide.is_finished()
        _same("outlines-core", check, accepts)


def _agree_llguidance(grammar: str, path: Path, ids: Sequence[int], tokenizer: Tokenizer,
                      checks: list[dict[str, Any]]) -> None:
    import llguidance

    unused = min(set(tokenizer.get_added_tokens_decoder()) - set(ids))
    matcher = llguidance.LLMatcher(llguidance.LLTokenizer(str(path), eos_token=unused), grammar)
    if matcher.is_error():
        raise ValueError(matcher.get_error())
    for check in checks:
        cursor = matcher.deep_copy()
        accepts = cursor.try_consume_tokens(check["tokens"]) == len(check["tokens"]) \
            and cursor.is_accepting()
        _same("llguidance", check, accepts)


def _same(name: str, check: dict[str, Any], accepts: bool) -> None:
    if accepts != check["valid"]:
        raise ValueError(f"{name} says {accepts}, re {check['valid']}: {check['text']!r}")


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(FORMAT_OF):
        written = write_task(name)
        value = json.loads(written.read_text(encoding="utf-8"))
        print(f"{written.relative_to(ROOT)}: prefix {len(value['prefix'])} tokens, "
              f"{len(value['items'])} utterances")
