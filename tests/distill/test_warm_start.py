"""A student that begins with an encoder's weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, BertConfig, BertModel, OPTForCausalLM, RobertaConfig

from iotcall.catalogue import Catalogue
from iotcall.distill.recipe import Recipe
from iotcall.distill.training.architectures import LEARNT_POSITIONS, new_student
from iotcall.distill.training.elder import begin_as, elder_in
from iotcall.distill.training.tokenizer import train_tokenizer
from iotcall.distill.training.warm_start import begin_with, encoder_folder
from iotcall.errors import InputError
from iotcall.formats import format_named

WIDTH = 16
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "turn", "the", "lamp", "on", "off",
         "kit", "##chen", "##s", "##ing", "##on", "a", "t")
RECIPE = Recipe(architecture="opt", format="compact", warm_start="tiny", layers=2, width=WIDTH,
                heads=2, key_value_heads=2, inner_width=32, vocabulary=320)
SENTENCES = [
    "turn the lamp on", "turn the kitchen lamps off", "turning a lamp off", "on the lamp",
    "ing the lamp"] * 50


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT whose every weight differs from its start."""
    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(3)
    model = BertModel(BertConfig(
        vocab_size=len(WORDS), hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=LEARNT_POSITIONS))
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    model.save_pretrained(folder)
    tokenizer = Tokenizer(models.WordPiece({word: id for id, word in enumerate(WORDS)},
                                           unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.enable_padding(length=16)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(SENTENCES, format_named("compact"), RECIPE.vocabulary)


@pytest.fixture(scope="module")
def student(encoder: Path, tokenizer: Tokenizer) -> OPTForCausalLM:
    return warmed(encoder, tokenizer)


def warmed(encoder: Path, tokenizer: Tokenizer) -> OPTForCausalLM:
    torch.manual_seed(1)
    made = new_student(RECIPE, tokenizer.get_vocab_size(), 0, 1)
    assert isinstance(made, OPTForCausalLM)
    begin_with(made, tokenizer, encoder)
    return made


def same(one: Any, other: Any) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(weight, theirs[name]) for name, weight in one.state_dict().items())


def test_the_layers_are_the_encoders(student: OPTForCausalLM, encoder: Path) -> None:
    given = BertModel.from_pretrained(encoder).encoder.layer
    own = student.model.decoder.layers
    assert len(own) == len(given) == 2
    for layer, theirs in zip(own, given, strict=True):
        assert same(layer.self_attn.q_proj, theirs.attention.self.query)
        assert same(layer.self_attn.k_proj, theirs.attention.self.key)
        assert same(layer.self_attn.v_proj, theirs.attention.self.value)
        assert same(layer.self_attn.out_proj, theirs.attention.output.dense)
        assert same(layer.self_attn_layer_norm, theirs.attention.output.LayerNorm)
        assert same(layer.fc1, theirs.intermediate.dense)
        assert same(layer.fc2, theirs.output.dense)
        assert same(layer.final_layer_norm, theirs.output.LayerNorm)


def test_a_layer_computes_what_the_encoders_does_of_the_first_position(
    student: OPTForCausalLM, encoder: Path
) -> None:
    """It sees only itself: with a sequence of one, not looking ahead makes no difference."""
    given = BertModel.from_pretrained(encoder).eval()
    hidden = torch.randn(1, 1, WIDTH)
    theirs = own = hidden
    with torch.no_grad():
        for layer in given.encoder.layer:
            theirs = first(layer(theirs))
        for layer in student.eval().model.decoder.layers:
            own = first(layer(own))
    assert torch.allclose(own, theirs, atol=1e-4)


def first(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) else value


@pytest.mark.parametrize(("token", "pieces"), [
    ("turn", ["turn"]),
    (" lamp", ["lamp"]),
    (" kitchen", ["kit", "##chen"]),
    ("ing", ["##ing"]),
    ("s", ["##s"]),
    (" on", ["on"]),
    ("on", ["##on"]),
    (" ", ["[MASK]"]),
    ("9", ["[UNK]"]),
])
def test_a_token_begins_as_the_normalised_mean_of_its_pieces(
    student: OPTForCausalLM, encoder: Path, tokenizer: Tokenizer, token: str, pieces: list[str]
) -> None:
    given = BertModel.from_pretrained(encoder).embeddings
    row = tokenizer.token_to_id(token.replace(" ", "Ġ"))
    with torch.no_grad():
        mean = given.word_embeddings.weight[[WORDS.index(piece) for piece in pieces]].mean(0)
        place = given.position_embeddings.weight[:64].mean(0)
        wanted = given.LayerNorm(mean + place + given.token_type_embeddings.weight[0])
    assert torch.allclose(student.model.decoder.embed_tokens.weight[row], wanted, atol=1e-4)


def test_tokens_and_positions_together_are_near_what_the_encoder_begins_with(
    student: OPTForCausalLM, encoder: Path, tokenizer: Tokenizer
) -> None:
    given = BertModel.from_pretrained(encoder).eval().embeddings
    own = student.model.decoder
    lamp, theirs = tokenizer.token_to_id("Ġlamp"), WORDS.index("lamp")
    with torch.no_grad():
        places = torch.arange(40)
        wanted = given(torch.full((1, 40), theirs))[0]
        made = own.embed_tokens.weight[lamp] + own.embed_positions.weight[places + 2]
    closeness = torch.nn.functional.cosine_similarity(made, wanted, dim=1)
    assert closeness.min() > 0.9


def test_the_head_is_the_table_of_tokens(student: OPTForCausalLM) -> None:
    assert student.lm_head.weight is student.model.decoder.embed_tokens.weight
    assert all(torch.isfinite(weight).all() for weight in student.parameters())


def test_a_student_of_fewer_layers_gets_some_of_them(encoder: Path, tokenizer: Tokenizer) -> None:
    recipe = msgspec.structs.replace(RECIPE, layers=1)
    made = new_student(recipe, tokenizer.get_vocab_size(), 0, 1)
    assert isinstance(made, OPTForCausalLM)
    begin_with(made, tokenizer, encoder)
    [own] = made.model.decoder.layers
    assert same(own.fc1, BertModel.from_pretrained(encoder).encoder.layer[1].intermediate.dense)


def test_the_same_encoder_gives_the_same_student(
    student: OPTForCausalLM, encoder: Path, tokenizer: Tokenizer
) -> None:
    assert same(student.model.decoder, warmed(encoder, tokenizer).model.decoder)


@pytest.mark.parametrize(("changed", "says"), [
    ({"num_hidden_layers": 1}, "1 layers"),
    ({"hidden_size": 32}, "32 width"),
    ({"num_attention_heads": 4}, "4 heads"),
    ({"intermediate_size": 64}, "64 inner_width"),
    ({"max_position_embeddings": 128}, "128 positions"),
    ({"hidden_act": "relu"}, "relu"),
])
def test_an_encoder_of_another_size_is_refused(
    tokenizer: Tokenizer, encoder: Path, tmp_path: Path, changed: dict[str, Any], says: str
) -> None:
    config = AutoConfig.from_pretrained(encoder)
    config.update(changed)
    config.save_pretrained(tmp_path)
    with pytest.raises(InputError, match=says):
        warmed(tmp_path, tokenizer)


def test_an_encoder_of_another_build_is_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    RobertaConfig(hidden_size=WIDTH).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="roberta"):
        warmed(tmp_path, tokenizer)


def test_an_encoder_is_a_folder_or_an_installed_package(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert encoder_folder(str(encoder)) == encoder
    package = tmp_path / "tiny_encoder"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").touch()
    for part in ("config.json", "tokenizer.json"):
        (package / "model" / part).write_text("{}")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert encoder_folder("tiny-encoder") == package / "model"


@pytest.mark.parametrize("name", ["no-such-encoder", "../nowhere", "a b"])
def test_no_encoder_is_named_with_what_to_do(name: str) -> None:
    with pytest.raises(InputError, match="neither a folder nor an installed package"):
        encoder_folder(name)


def test_a_folder_without_a_tokenizer_is_no_encoder(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"no tokenizer\.json"):
        encoder_folder(str(tmp_path))


def test_a_student_that_begins_with_an_encoder_is_trained(
    encoder: Path, tmp_path: Path, lamp: Catalogue, train: Callable[..., Path]
) -> None:
    out = train(RECIPE, str(encoder), lamp, tmp_path / "out")
    assert (out / "model.safetensors").is_file()


@pytest.fixture
def train() -> Callable[..., Path]:
    def run(recipe: Recipe, encoder: str, catalogue: Catalogue, out: Path) -> Path:
        import msgspec

        from iotcall.catalogue import ToolCall
        from iotcall.distill.training.trainer import train_student
        from iotcall.evaluate import Dialogue, LabelledTurn

        dialogue = Dialogue((LabelledTurn("turn the lamp on", (
            ToolCall("lamp", {"state": "on"}),)),))
        return train_student(msgspec.structs.replace(recipe, warm_start=encoder, batch_size=4),
                             [dialogue] * 8, catalogue, out)

    return run


@pytest.fixture(scope="module")
def elder(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved student of another catalogue's words, whose every weight has moved."""
    folder = tmp_path_factory.mktemp("elder")
    words = train_tokenizer(["turn the boiler on", "the lamp"] * 50, format_named("compact"), 310)
    made = warmed(encoder, words)
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.5)
    made.save_pretrained(folder)
    words.save(str(folder / "tokenizer.json"))
    return folder


def test_a_student_begins_as_another_one(
    student: OPTForCausalLM, encoder: Path, tokenizer: Tokenizer, elder: Path
) -> None:
    made = warmed(encoder, tokenizer)
    begin_as(made, tokenizer, elder_in(elder))
    given = OPTForCausalLM.from_pretrained(elder).model.decoder
    own = made.model.decoder
    assert same(own.layers, given.layers)
    assert same(own.embed_positions, given.embed_positions)
    theirs = Tokenizer.from_file(str(elder / "tokenizer.json")).get_vocab()
    known = {word: id for word, id in tokenizer.get_vocab().items() if word in theirs}
    assert 270 < len(known) < tokenizer.get_vocab_size()
    for word, id in tokenizer.get_vocab().items():
        row = own.embed_tokens.weight[id]
        if word in known:
            assert torch.equal(row, given.embed_tokens.weight[theirs[word]])
        else:  # as the encoder's
            assert torch.equal(row, student.model.decoder.embed_tokens.weight[id])


@pytest.mark.parametrize(("changed", "message"), [
    ({"layers": 1}, "of other sizes than the recipe"), ({"layers": 3}, "of other sizes"),
    ({"width": 32, "heads": 2}, "of other sizes than the recipe"),
    ({"inner_width": 48}, "of other sizes than the recipe"),
])
def test_a_student_of_other_sizes_is_refused(
    tokenizer: Tokenizer, elder: Path, changed: dict[str, int], message: str
) -> None:
    made = new_student(msgspec.structs.replace(RECIPE, warm_start="", **changed),
                       tokenizer.get_vocab_size(), 0, 1)
    with pytest.raises(InputError, match=message):
        begin_as(made, tokenizer, elder_in(elder))


def test_a_folder_without_a_student_is_named(encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no config\.json; train that one first"):
        elder_in(tmp_path)
    with pytest.raises(InputError, match="is bert: expected a student of OPT's build"):
        elder_in(encoder)


def test_an_elder_of_other_weights_is_another_beginning(elder: Path) -> None:
    one, same = elder_in(elder), elder_in(elder)
    assert one.sha256 == same.sha256
    name = min(one.weights)
    other = msgspec.structs.replace(one, weights={**one.weights, name: one.weights[name] + 1})
    assert other.sha256 != one.sha256
