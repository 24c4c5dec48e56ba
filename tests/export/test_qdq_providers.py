"""Fixed-point graphs on the providers they are for: whole, and with the CPU provider's answers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tokenizers import Tokenizer
from transformers import Gemma3TextConfig

from iotcall.catalogue import Catalogue
from iotcall.evaluate import read_dialogues
from iotcall.export.graphs.build import GraphPlan
from iotcall.export.graphs.passes.qdq import quantise_static
from iotcall.export.graphs.trace import trace_skeleton
from iotcall.export.npu.calibration import AnsweredPrompt, record_feeds
from iotcall.export.npu.rules import check_graph, check_placement
from iotcall.export.providers.environments import provider_python
from iotcall.export.providers.probe import run_openings, settings_of
from iotcall.export.target import load_target
from iotcall.formats import format_named
from iotcall.runtime.decoders import Decoder, Wanted
from iotcall.runtime.probe_session import Opening, Request
from iotcall.runtime.prompt import PromptTokens
from tests.export.fixed_point import feeds_of, make_student
from tests.export.providers import provided
from tests.export.tiny import CHUNK, FAMILY_CONFIGS, read_config, save_checkpoint, write_decoder
from tests.lamp import FOLDER, STUDENTS


@pytest.mark.parametrize("name", provided("qnn-htp-v68", "qnn-htp-v73", "openvino-cpu"))
def test_a_provider_takes_both_graphs_of_every_family_whole(
        tmp_path: Path, name: str) -> None:
    target = load_target(name)[1]
    openings = []
    for family in FAMILY_CONFIGS:
        student = make_student(family, target.opset, tmp_path / family)
        graphs = dict(zip((CHUNK, 1), student.report.graphs, strict=True))
        for tokens, feed in feeds_of(student.plain, student.decoder)[-2:]:
            path = tmp_path / f"{family}-{tokens}.npz"
            np.savez(path, **feed)
            openings.append(Opening(model=str(graphs[tokens]), inputs=str(path),
                                    provider=settings_of(target, emulated=True)))
    answer = run_openings(provider_python(target.provider), Request(openings=tuple(openings)))
    assert [found.detail for found in answer.opened] == [""] * 6
    for found in answer.opened:
        check_placement(found.placement, target.rules, target.provider.name)
        assert found.difference is not None
        assert found.difference < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("architecture", list(STUDENTS))
@pytest.mark.parametrize("name", ["qnn-htp-v68", "qnn-htp-v73", "openvino-cpu"])
def test_a_trained_student_answers_on_a_provider_as_on_the_cpu(
        tmp_path: Path, lamp: Catalogue, checkpoint_of: Callable[[str], Path], name: str,
        architecture: str) -> None:
    """Greedily and without a grammar, on golden prompts of the lamp catalogue."""
    target, checkpoint = load_target(name)[1], checkpoint_of(architecture)
    assert target.activations is not None
    prompts = _prompts(checkpoint, architecture, lamp)
    plan = GraphPlan(layout="static", capacity=target.shapes.capacity)
    decoder = write_decoder(trace_skeleton(read_config(checkpoint), opset=target.opset), checkpoint,
                            plan, tmp_path, chunk=target.shapes.chunk)
    layout = msgspec.structs.replace(decoder.layout, vocabulary=600)
    turns = [AnsweredPrompt((*prompt, *_greedy(decoder, prompt)), len(prompt))
             for prompt in prompts]
    quantise_static(tmp_path / "chunk.onnx", tmp_path / "step.onnx", tmp_path / "fixed",
                    record_feeds(tmp_path, layout, turns[::2], most=8, threads=1),
                    target.activations)
    answers = []
    for provider in (layout.provider, settings_of(target, emulated=True)):
        asked = {"layout": msgspec.structs.replace(layout, provider=provider), "prompts": prompts}
        (tmp_path / "asked.json").write_bytes(msgspec.json.encode(asked))
        subprocess.run([provider_python(target.provider), "-c", _DRIVE, str(tmp_path)], check=True,
                       cwd=tmp_path)
        answers.append(msgspec.json.decode((tmp_path / "answers.json").read_bytes()))
    assert answers[0] == answers[1]
    assert answers[0] == [list(turn.ids[turn.prompt:]) for turn in turns]


@pytest.mark.slow
def test_a_student_of_published_size_is_taken_whole(tmp_path: Path) -> None:
    """FunctionGemma 270M with random weights: some ten minutes, and 8 GB of memory."""
    name = "qnn-htp-v68"
    target = load_target(name)[1]
    config = Gemma3TextConfig(
        vocab_size=262144, hidden_size=640, intermediate_size=2048, num_hidden_layers=18,
        num_attention_heads=4, num_key_value_heads=1, head_dim=256, query_pre_attn_scalar=256,
        sliding_window=512, layer_types=[
            "full_attention" if layer % 6 == 5 else "sliding_attention" for layer in range(18)])
    checkpoint = save_checkpoint(config, tmp_path / "checkpoint")
    decoder = write_decoder(trace_skeleton(read_config(checkpoint), opset=target.opset), checkpoint,
                            GraphPlan(layout="static", capacity=512), tmp_path / "plain", chunk=64)
    assert target.activations is not None
    turns = [AnsweredPrompt(tuple(range(1, 1600, 20)), 75)]
    feeds = list(record_feeds(tmp_path / "plain", decoder.layout, turns, most=1, threads=2))
    report = quantise_static(tmp_path / "plain" / "chunk.onnx", tmp_path / "plain" / "step.onnx",
                             tmp_path / "fixed", feeds, target.activations)
    openings = []
    for tokens, graph in zip((64, 1), report.graphs, strict=True):
        check_graph(graph, target.rules)
        np.savez(tmp_path / f"{tokens}.npz", **next(feed for size, feed in feeds if size == tokens))
        openings.append(Opening(model=str(graph), inputs=str(tmp_path / f"{tokens}.npz"),
                                provider=settings_of(target, emulated=True)))
    answer = run_openings(provider_python(target.provider), Request(openings=tuple(openings)),
                          timeout_s=1800)
    assert [found.detail for found in answer.opened] == ["", ""]
    for found in answer.opened:
        check_placement(found.placement, target.rules, target.provider.name)


_DRIVE = """
import sys
from pathlib import Path
import msgspec
import numpy as np
from iotcall.bundle.layout import DecoderLayout
from iotcall.runtime.decoders import Wanted, open_decoder

folder = Path(sys.argv[1])
asked = msgspec.json.decode((folder / "asked.json").read_bytes())
layout = msgspec.convert(asked["layout"], DecoderLayout)
decoder = open_decoder(folder / "fixed", layout, threads=1)
answers = []
for prompt in asked["prompts"]:
    ids, past, answer = prompt, decoder.empty(), []
    for _ in range(12):
        scores, = decoder.run(ids, past, [Wanted(len(ids) - 1, np.arange(layout.vocabulary))])
        ids = [int(scores.allowed.argmax())]
        answer += ids
    answers.append(answer)
(folder / "answers.json").write_bytes(msgspec.json.encode(answers))
"""


def _prompts(checkpoint: Path, architecture: str, lamp: Catalogue) -> list[list[int]]:
    format = format_named(STUDENTS[architecture])
    tokens = PromptTokens(Tokenizer.from_file(str(checkpoint / "tokenizer.json")), format,
                          format.pieces(lamp), lamp)
    return [tokens.prefix() + tokens.open_turn(dialogue.turns[0].utterance)
            for dialogue in read_dialogues(FOLDER / "golden.jsonl")]


def _greedy(decoder: Decoder, ids: list[int]) -> list[int]:
    past, answer = decoder.empty(), []
    for _ in range(12):
        scores, = decoder.run(ids, past, [Wanted(len(ids) - 1, np.arange(600))])
        ids = [int(scores.allowed.argmax())]
        answer += ids
    return answer
