from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import torch
from torch import Tensor

from iotcall.catalogue import Catalogue
from iotcall.distill.recipe import Lora
from iotcall.distill.training.adapting import adapted
from iotcall.distill.training.batches import ByLength, call_loss, collate, plain
from iotcall.distill.training.beginning import Beginning, from_scratch
from iotcall.distill.training.sequences import IGNORED, sequences
from iotcall.evaluate import Dialogue
from tests.distill.training.conftest import TINY

FAMILIES = ("qwen3", "gemma3", "lfm2", "opt")


@pytest.fixture(scope="module", params=FAMILIES)
def start(request: pytest.FixtureRequest, lamp_dialogues: list[Dialogue],
          lamp: Catalogue) -> Beginning:
    found = from_scratch(msgspec.structs.replace(
        TINY, architecture=request.param, layers=2, dropout=0.0), lamp_dialogues, lamp)
    found.model.train()
    return found


@pytest.fixture
def batch(start: Beginning, lamp_dialogues: list[Dialogue], lamp: Catalogue) -> dict[str, Tensor]:
    """Six dialogues of different length."""
    examples = list(sequences(lamp_dialogues[:6], start.format, lamp, start.tokenizer))
    assert len({len(example.ids) for example in examples}) > 2
    return collate([{"input_ids": each.ids, "labels": each.labels} for each in examples], 0)


def logits_gradient(start: Beginning, batch: dict[str, Tensor]) -> Tensor:
    """(batch, length): how much the loss depends on what is predicted behind each token."""
    seen: list[Tensor] = []

    def keep(_: object, __: object, output: Tensor) -> None:
        output.last_hidden_state.retain_grad()
        seen.append(output.last_hidden_state)

    hook = start.model.model.register_forward_hook(keep)
    try:
        call_loss(start.model, batch).backward()
    finally:
        hook.remove()
        start.model.zero_grad()
    gradient = seen[0].grad
    assert gradient is not None
    return gradient.abs().sum(dim=2)


def test_only_what_predicts_a_calls_token_is_learnt_from(
        start: Beginning, batch: dict[str, Tensor]) -> None:
    learnt = torch.zeros_like(batch["labels"], dtype=torch.bool)
    learnt[:, :-1] = batch["labels"][:, 1:] != IGNORED
    assert torch.equal(logits_gradient(start, batch) > 0, learnt)
    assert 0 < learnt.sum() < batch["attention_mask"].sum()


def test_what_people_say_is_no_label(start: Beginning, batch: dict[str, Tensor]) -> None:
    """The loss is the mean over calls of what a plain pass over each sequence alone gives."""
    total, count = 0.0, 0
    with torch.no_grad():
        for ids, labels, mask in zip(batch["input_ids"], batch["labels"], batch["attention_mask"],
                                     strict=True):
            length = int(mask.sum())
            shares = start.model(input_ids=ids[None, :length]).logits[0].log_softmax(dim=-1)
            for at in range(1, length):
                if labels[at] != IGNORED:
                    total -= float(shares[at - 1, labels[at]])
                    count += 1
        assert float(call_loss(start.model, batch)) == pytest.approx(total / count, rel=1e-4)


def test_a_step_in_parts_learns_what_a_step_in_one_does(
        start: Beginning, batch: dict[str, Tensor]) -> None:
    items = int((batch["labels"][:, 1:] != IGNORED).sum())
    weight = start.model.get_input_embeddings().weight
    call_loss(start.model, batch).backward()
    whole = weight.grad.clone()
    start.model.zero_grad()
    for part in (slice(0, 1), slice(1, 6)):
        call_loss(start.model, {key: value[part] for key, value in batch.items()},
                  items).backward()
    assert torch.allclose(weight.grad, whole, atol=1e-5)
    start.model.zero_grad()


def test_a_fresh_update_changes_nothing_and_its_loss_is_the_models(
        start: Beginning, batch: dict[str, Tensor]) -> None:
    with torch.no_grad():
        before = float(call_loss(start.model, batch))
        wrapped = adapted(start.model, Lora(rank=2))
        assert plain(wrapped) is start.model
        assert float(call_loss(wrapped, batch)) == pytest.approx(before, rel=1e-5)


def test_every_epoch_has_an_order_of_its_own_which_only_the_seed_changes() -> None:
    lengths = [3, 9, 4, 9, 5, 4, 8, 3] * 40

    def order(seed: int, epoch: int) -> list[int]:
        sampler = ByLength(lengths, 4, seed)
        torch.rand(epoch + 3)  # what else was drawn does not matter
        sampler.set_epoch(epoch)
        return list(sampler)

    first, second = order(1, 0), order(1, 1)
    assert first == order(1, 0)
    assert second == order(1, 1)
    assert len({tuple(each) for each in (first, second, order(2, 0))}) == 3
    for each in (first, second):
        assert sorted(each) == list(range(320))
        spread = [max(lengths[at] for at in each[of:of + 4])
                  - min(lengths[at] for at in each[of:of + 4]) for of in range(0, 320, 4)]
        assert sum(spread) / len(spread) < 2


def test_a_shorter_sequence_is_filled_up_unseen_and_unlearnt(tmp_path: Path) -> None:
    found = collate([{"input_ids": [5, 6, 7], "labels": [IGNORED, 6, 7]},
                     {"input_ids": [8], "labels": [8]}], 2)
    assert found["input_ids"].tolist() == [[5, 6, 7], [8, 2, 2]]
    assert found["labels"].tolist() == [[IGNORED, 6, 7], [8, IGNORED, IGNORED]]
    assert found["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
