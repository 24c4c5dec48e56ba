"""Small tokenizers of both kinds, trimmed. Leaves out: the graph's rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, processors, trainers

from iotcall.distill.training.tokenizer import train_tokenizer
from iotcall.errors import ExportError
from iotcall.evaluate import read_dialogues
from iotcall.export.student.vocabulary import TrimmedVocabulary, retokenised, trim_vocabulary
from iotcall.formats import COMPACT
from iotcall.shipped import shipped
from tests.workshop import steadily

SPACE = "\u2581"
LATIN = ["turn the kitchen lights on", "turn the café lights off, please!", "is the heating on?",
         "heat the attic to 21°, or 22", "lower the blinds — half way…", "kitchen\n\nattic"]
OTHER = ["включи свет на кухне", "выключи свет на кухне", "打开厨房的灯", "关闭厨房的灯",
         "🔥🔥 on", "Ελλάδα"]
TEXTS = LATIN[:2]
CORPUS = 6 * (LATIN + OTHER)
REAL = Path(__file__).parents[2] / "build" / "tokenizers"


def byte_level() -> Tokenizer:
    """As Qwen3's and LFM2's."""
    tokenizer = train_tokenizer(CORPUS, COMPACT, 600)
    tokenizer.add_special_tokens(["<|reserved_0|>", "<|reserved_1|>"])
    tokenizer.add_tokens(["<tool_call>"])
    return tokenizer


def byte_fallback() -> Tokenizer:
    """As Gemma's: no words, characters last, placeholders and runs of line ends as added tokens."""
    learner = Tokenizer(models.BPE())
    learner.normalizer = normalizers.Replace(" ", SPACE)
    learner.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=500, show_progress=False))
    learnt = json.loads(learner.to_str())["model"]
    added = ["<pad>", "<eos>", "<bos>", "<unk>", *(f"<unused{n}>" for n in range(9)), "\n", "\n\n"]
    vocabulary = dict.fromkeys([*added, *(f"<0x{byte:02X}>" for byte in range(256)),
                                *sorted(learnt["vocab"], key=lambda token: len(token) == 1)])
    # subtle: "▁▁▁" has two ways, of which only the first is ever gone
    runs = [(SPACE, SPACE), (2 * SPACE, SPACE), (SPACE, 2 * SPACE)]
    vocabulary |= dict.fromkeys(left + right for left, right in runs)
    tokenizer = Tokenizer(models.BPE(
        {token: id for id, token in enumerate(vocabulary)},
        runs + [(left, right) for left, right in learnt["merges"]],
        unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", SPACE)
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(added[:4])
    tokenizer.add_tokens(added[4:])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos> $B", special_tokens=[("<bos>", 2)])
    return tokenizer


KINDS: dict[str, Callable[[], Tokenizer]] = {
    "byte-level": byte_level, "byte-fallback": byte_fallback}


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return KINDS[request.param]()


@pytest.fixture(scope="module")
def trimmed(tokenizer: Tokenizer) -> TrimmedVocabulary:
    return trim_vocabulary(tokenizer, TEXTS)


@pytest.fixture(scope="module")
def smallest(tokenizer: Tokenizer) -> TrimmedVocabulary:
    return trim_vocabulary(tokenizer, TEXTS, scripts=(), most=0)


@pytest.fixture(scope="module")
def bare(tokenizer: Tokenizer) -> TrimmedVocabulary:
    return trim_vocabulary(tokenizer, [], scripts=(), most=0)


def old_ids(trimmed: TrimmedVocabulary, text: str) -> list[int]:
    return [int(trimmed.rows[id]) for id in encoded(trimmed.tokenizer, text)]


def encoded(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


def decoded(tokenizer: Tokenizer, text: str) -> str:
    return str(tokenizer.decode(encoded(tokenizer, text), skip_special_tokens=False))


def changed(tokenizer: Tokenizer, change: Callable[[dict[str, Any]], object]) -> Tokenizer:
    definition = json.loads(tokenizer.to_str())
    change(definition)
    return Tokenizer.from_str(json.dumps(definition))


unicode = st.text(st.characters(codec="utf-8"), max_size=12)
awkward = st.sampled_from([" ", "      ", "\n\n\n", "\t", "\0", "\x1b", "e\u0301", "\u200d", "🔥",
                           "👩\u200d🚒", "漢字", "ไทย", SPACE, "<0x41>", "<unused3>",
                           "<|reserved_1|>", "<bos>", "\ufffd", "\U0010fffd", *LATIN, *OTHER])
any_text = st.lists(unicode | awkward, max_size=6).map("".join)


@given(any_text)
@steadily
def test_any_text_decodes_as_before(
    tokenizer: Tokenizer, trimmed: TrimmedVocabulary, bare: TrimmedVocabulary, text: str,
) -> None:
    assert decoded(trimmed.tokenizer, text) == decoded(tokenizer, text)
    assert decoded(bare.tokenizer, text) == decoded(tokenizer, text)


@given(st.lists(st.sampled_from([*"aeinotl ,!?é°", "on", "the", " lights", "\n\n", "свет", "灯"]),
                max_size=30).map("".join))
@steadily
def test_a_text_whose_tokens_are_all_kept_is_split_as_before(
    tokenizer: Tokenizer, trimmed: TrimmedVocabulary, smallest: TrimmedVocabulary, text: str,
) -> None:
    before = encoded(tokenizer, text)
    for each in (trimmed, smallest):
        if set(before) <= set(each.rows.tolist()):
            assert old_ids(each, text) == before


def test_the_texts_are_split_as_before(
    tokenizer: Tokenizer, smallest: TrimmedVocabulary
) -> None:
    assert [old_ids(smallest, text) for text in TEXTS] == [
        encoded(tokenizer, text) for text in TEXTS]


def test_text_of_the_scripts_is_split_as_before_and_other_text_is_not(
    tokenizer: Tokenizer, trimmed: TrimmedVocabulary
) -> None:
    assert retokenised(tokenizer, trimmed, LATIN) == 0
    assert retokenised(tokenizer, trimmed, [*LATIN, OTHER[0], OTHER[2]]) == 2 / 8
    both = trim_vocabulary(tokenizer, TEXTS, scripts=("Latin", "Cyrillic"))
    assert retokenised(tokenizer, both, OTHER) == 4 / 6  # Han, emoji and Greek still go
    assert retokenised(tokenizer, both, []) == 0


def test_new_ids_have_no_gaps_and_keep_their_order(
    tokenizer: Tokenizer, trimmed: TrimmedVocabulary
) -> None:
    texts = trimmed.tokenizer.get_vocab(with_added_tokens=True)
    assert sorted(texts.values()) == list(range(trimmed.kept))
    assert len(trimmed.rows) == trimmed.kept < trimmed.before == tokenizer.get_vocab_size()
    assert (trimmed.rows[1:] > trimmed.rows[:-1]).all()
    assert all(tokenizer.id_to_token(int(trimmed.rows[id])) == text for text, id in texts.items())


def test_every_kept_token_can_still_be_merged(trimmed: TrimmedVocabulary) -> None:
    added = trimmed.tokenizer.get_added_tokens_decoder()
    model = trimmed.tokenizer.model
    for text, id in trimmed.tokenizer.get_vocab().items():
        if id not in added and not text.startswith("<0x"):
            assert [token.id for token in model.tokenize(text)] == [id]


def test_merges_keep_their_order(tokenizer: Tokenizer, trimmed: TrimmedVocabulary) -> None:
    before, after = (json.loads(each.to_str())["model"]["merges"]
                     for each in (tokenizer, trimmed.tokenizer))
    assert after == [merge for merge in before if merge in after]
    assert len(after) < len(before)


def test_the_order_of_the_texts_does_not_matter(tokenizer: Tokenizer) -> None:
    one, other = (trim_vocabulary(tokenizer, texts) for texts in (LATIN, LATIN[::-1]))
    assert one.tokenizer.to_str() == other.tokenizer.to_str()


def test_the_cap_spares_characters_then_early_merges(tokenizer: Tokenizer) -> None:
    least = trim_vocabulary(tokenizer, TEXTS, most=0)
    for most in (least.kept + 3, least.kept + 30):
        capped = trim_vocabulary(tokenizer, TEXTS, most=most)
        assert capped.kept == most
        assert set(least.rows) < set(capped.rows)
    everything = trim_vocabulary(tokenizer, TEXTS)
    assert set(capped.rows) < set(everything.rows)
    # unfinished characters come and go with the tokens that are merged of them
    whole = {id: tokenizer.id_to_token(id) for id in everything.rows
             if "\ufffd" not in tokenizer.decode([id])}
    chosen = whole.keys() & set(capped.rows) - set(least.rows)
    left_out = whole.keys() - set(capped.rows)
    assert all(len(whole[id]) > 1 for id in left_out)
    assert all(id < min(left_out) or len(whole[id]) == 1 for id in chosen)


def test_placeholders_go_unless_a_text_has_them() -> None:
    for kind, wanted, other, stays in (
        (byte_level, "<|reserved_0|>", "<|reserved_1|>", "<tool_call>"),
        (byte_fallback, "<unused4>", "<unused5>", "<pad>"),
    ):
        found = trim_vocabulary(kind(), ["on " + wanted]).tokenizer.get_added_tokens_decoder()
        contents = {token.content for token in found.values()}
        assert {wanted, stays} <= contents
        assert other not in contents


def test_ids_of_the_post_processor_and_the_padding_are_renumbered() -> None:
    tokenizer = byte_fallback()
    last = tokenizer.token_to_id("<unused8>")
    tokenizer.enable_padding(pad_id=last, pad_token="<unused8>", length=4)
    tokenizer.post_processor = processors.Sequence([processors.TemplateProcessing(
        single="<bos> $A <unused7>", special_tokens=[("<bos>", 2), ("<unused7>", last - 1)])])
    found = trim_vocabulary(tokenizer, []).tokenizer
    assert found.encode("é").tokens == ["<bos>", "é", "<unused7>", "<unused8>"]
    assert [found.id_to_token(id) for id in found.encode("é").ids] == [
        "<bos>", "é", "<unused7>", "<unused8>"]


@pytest.mark.parametrize("kind", [processors.BertProcessing, processors.RobertaProcessing])
def test_ids_of_a_pair_of_ends_are_renumbered(kind: Callable[..., object]) -> None:
    tokenizer = byte_fallback()
    last = tokenizer.token_to_id("<unused8>")
    tokenizer.post_processor = kind(("<unused8>", last), ("<bos>", 2))
    found = trim_vocabulary(tokenizer, []).tokenizer
    assert [found.id_to_token(id) for id in found.encode("é").ids] == ["<bos>", "é", "<unused8>"]


def test_texts_are_read_whole_where_the_tokenizer_cuts(tokenizer: Tokenizer) -> None:
    cutting = Tokenizer.from_str(tokenizer.to_str())
    cutting.enable_truncation(2)
    found = trim_vocabulary(cutting, TEXTS, scripts=())
    assert found.rows.tolist() == trim_vocabulary(tokenizer, TEXTS, scripts=()).rows.tolist()
    assert found.tokenizer.truncation == cutting.truncation
    assert retokenised(cutting, found, ["on 灯 打开厨房的灯"]) == 1


def test_merges_written_as_strings_are_read() -> None:
    def to_strings(definition: dict[str, Any]) -> None:
        definition["model"]["merges"] = [" ".join(each) for each in definition["model"]["merges"]]

    tokenizer = byte_level()
    found = trim_vocabulary(changed(tokenizer, to_strings), TEXTS)
    assert found.tokenizer.to_str() == trim_vocabulary(tokenizer, TEXTS).tokenizer.to_str()


@pytest.mark.parametrize("looked_up", [True, False])
def test_a_word_that_no_merge_makes_stays_only_where_words_are_looked_up(looked_up: bool) -> None:
    def with_word(definition: dict[str, Any]) -> None:
        definition["model"]["ignore_merges"] = looked_up
        definition["model"]["vocab"]["zq"] = len(definition["model"]["vocab"])

    tokenizer = changed(train_tokenizer(CORPUS, COMPACT, 600), with_word)
    found = trim_vocabulary(tokenizer, TEXTS)
    assert (tokenizer.token_to_id("zq") in found.rows) == looked_up
    assert old_ids(found, "zq") == encoded(tokenizer, "zq")


@pytest.mark.parametrize(("id", "message"), [
    (900, "added tokens with ids among the model's"), (399, "'<tool_call>' and 'gap' .* id 399")])
def test_a_gap_before_the_added_tokens_is_refused(id: int, message: str) -> None:
    def with_gap(definition: dict[str, Any]) -> None:
        definition["model"]["ignore_merges"] = True
        definition["model"]["vocab"]["gap"] = id

    with pytest.raises(ExportError, match=message):
        trim_vocabulary(changed(byte_level(), with_gap), ["gap"])


@pytest.mark.parametrize(("model", "name"), [
    (models.WordPiece({"[UNK]": 0, "on": 1}, unk_token="[UNK]"), "WordPiece"),
    (models.WordLevel({"[UNK]": 0, "on": 1}, unk_token="[UNK]"), "WordLevel"),
    (models.Unigram([("on", -1.0), ("off", -2.0)], 0, False), "Unigram"),
])
def test_another_kind_of_tokenizer_is_refused_by_name(model: models.Model, name: str) -> None:
    with pytest.raises(ExportError, match=name):
        trim_vocabulary(Tokenizer(model), TEXTS)


@pytest.mark.parametrize(("change", "message"), [
    (lambda found: found["model"].update(byte_fallback=False), "over characters"),
    (lambda found: found["model"].update(dropout=0.1), "without dropout, found 0.1"),
    (lambda found: found["model"].update(end_of_word_suffix="</w>"), "end_of_word_suffix"),
    (lambda found: found["model"]["vocab"].pop("<0x7F>"), "lacks 1 of their 256 tokens.*<0x7F>"),
    (lambda found: found.update(decoder=None), "no decoder"),
    (lambda found: found.update(padding={
        "strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None,
        "pad_id": 9999, "pad_type_id": 0, "pad_token": "<none>"}), "names the id 9999"),
])
def test_what_cannot_be_trimmed_is_refused(
    change: Callable[[dict[str, Any]], object], message: str
) -> None:
    with pytest.raises(ExportError, match=message):
        trim_vocabulary(changed(byte_fallback(), change), TEXTS)


def test_an_unknown_script_is_refused_with_those_known(tokenizer: Tokenizer) -> None:
    with pytest.raises(ExportError, match=r"'Latn' is not known; there are Arabic, .*Latin"):
        trim_vocabulary(tokenizer, TEXTS, scripts=("Latn",))


@pytest.mark.parametrize("family", ["gemma3", "lfm2", "qwen3"])
def test_the_tests_own_students_keep_their_splittings(
    checkpoint_of: Callable[[str], Path], family: str
) -> None:
    tokenizer = Tokenizer.from_file(str(checkpoint_of(family) / "tokenizer.json"))
    found = trim_vocabulary(tokenizer, TEXTS, most=400)
    assert found.kept == 400
    assert [old_ids(found, text) for text in TEXTS] == [encoded(tokenizer, text) for text in TEXTS]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "most"), [
    ("gemma3", None), ("gemma3", 90_000), ("qwen3", None), ("qwen3", 64_000)])
def test_published_tokenizers_keep_their_splittings(name: str, most: int | None) -> None:
    path = REAL / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"{path} is missing; docs/testing.md says how to get it")
    tokenizer = Tokenizer.from_file(str(path))
    golden = {path.parent.name: [turn.utterance for dialogue in read_dialogues(path)
                                 for turn in dialogue.turns]
              for path in sorted(shipped("grammars").glob("*/golden.jsonl"))}
    home = golden["smart_home"]
    found = trim_vocabulary(tokenizer, home, most=most)
    assert found.kept < tokenizer.get_vocab_size()
    assert most is None or found.kept == most
    assert retokenised(tokenizer, found, home) == 0
    everything = [text for texts in golden.values() for text in texts]
    assert retokenised(tokenizer, found, everything) < (0.001 if most is None else 0.2)
    for text in [*OTHER, "   ", "\0\x1b", "e\u0301", "👩\u200d🚒", *everything]:
        assert decoded(found.tokenizer, text) == decoded(tokenizer, text)
