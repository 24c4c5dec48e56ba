"""A student's chat template against our rendering."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from iotcall.catalogue import Catalogue
from iotcall.distill.tokenizer import train_tokenizer
from iotcall.errors import ExportError
from iotcall.export.template import template_pieces
from iotcall.formats import FUNCTIONGEMMA, HERMES, LFM25, Format

HERMES_TEMPLATE = """\
{{- '<|im_start|>system\\n' }}
{%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{%- endif %}
{{- '# Tools\\n\\nYou may call one or more functions to assist with the user query.\\n\\n' }}
{{- 'You are provided with function signatures within <tools></tools> XML tags:\\n<tools>' }}
{%- for tool in tools %}{{- '\\n' + tool | tojson }}{%- endfor %}
{{- '\\n</tools>\\n\\nFor each function call, return a json object with function name and ' }}
{{- 'arguments within <tool_call></tool_call> XML tags:\\n<tool_call>\\n{"name": ' }}
{{- '<function-name>, "arguments": <args-json-object>}\\n</tool_call><|im_end|>\\n' }}
{%- for message in messages %}
{%- if message.role == 'user' %}
{{- '<|im_start|>user\\n' + message.content + '<|im_end|>\\n' }}
{%- elif message.role == 'assistant' %}
{{- '<|im_start|>assistant' }}
{%- for call in message.tool_calls %}
{{- '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}
{{- call.function.arguments | tojson }}{{- '}\\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- endif %}
{%- endfor %}
{{- '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and not enable_thinking %}
{{- '<think>\\n\\n</think>\\n\\n' }}
{%- endif %}"""

LFM_TEMPLATE = """\
{{- '<|startoftext|><|im_start|>system\\n' + messages[0].content + '\\nList of tools: [' }}
{%- for tool in tools %}{{- tool | tojson }}{{- ', ' if not loop.last }}{%- endfor %}
{{- ']<|im_end|>\\n' }}
{%- for message in messages[1:] %}
{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.role == 'user' %}{{- message.content }}
{%- else %}
{%- for call in message.tool_calls %}
{{- '<|tool_call_start|>[' + call.function.name + '(' }}
{%- for key, value in call.function.arguments.items() %}
{{- key + "='" + value + "'" }}{{- ', ' if not loop.last }}
{%- endfor %}{{- ')]<|tool_call_end|>' }}
{%- endfor %}
{%- endif %}
{{- '<|im_end|>\\n' }}
{%- endfor %}
{{- '<|im_start|>assistant\\n' }}"""


def _checkpoint(folder: Path, format: Format, catalogue: Catalogue, template: str | None) -> Path:
    tokenizer = train_tokenizer([format.pieces(catalogue).prefix], format, 400)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    fast.chat_template = template
    fast.save_pretrained(folder)
    return folder


def test_a_tokenizer_without_a_template_takes_the_formats_pieces(
        tmp_path: Path, lamp: Catalogue) -> None:
    pieces, notes = template_pieces(_checkpoint(tmp_path, FUNCTIONGEMMA, lamp, None),
                                    FUNCTIONGEMMA, lamp)
    assert pieces == FUNCTIONGEMMA.pieces(lamp)
    assert notes == ()


@pytest.mark.parametrize(("format", "template"), [(HERMES, HERMES_TEMPLATE),
                                                  (LFM25, LFM_TEMPLATE)],
                         ids=["hermes", "lfm2.5"])
def test_a_template_that_writes_what_the_format_writes_changes_nothing(
        tmp_path: Path, lamp: Catalogue, format: Format, template: str) -> None:
    pieces, notes = template_pieces(_checkpoint(tmp_path, format, lamp, template), format, lamp)
    assert pieces == format.pieces(lamp)
    assert notes == ()


def test_a_template_with_other_pieces_gives_them_to_the_bundle(
        tmp_path: Path, lamp: Catalogue) -> None:
    other = (HERMES_TEMPLATE
             .replace("# Tools\\n\\nYou may", "# Functions of this home\\n\\nYou may")
             .replace("'<|im_start|>user\\n'", "'<|im_start|>user\\n> '")
             .replace("<think>\\n\\n</think>\\n\\n", ""))
    pieces, notes = template_pieces(_checkpoint(tmp_path, HERMES, lamp, other), HERMES, lamp)
    assert "# Functions of this home" in pieces.prefix
    assert pieces.user_open == "<|im_start|>user\n> "
    assert pieces.call_open == "<|im_start|>assistant\n" == pieces.past_call_open
    assert pieces.end == "<|im_end|>"
    assert [note.split()[0] for note in notes] == ["prefix", "user_open", "call_open"]


def test_a_template_that_writes_calls_otherwise_is_refused_with_the_difference(
        tmp_path: Path, lamp: Catalogue) -> None:
    other = HERMES_TEMPLATE.replace('"arguments": \' }}\n{{- call', '"parameters": \' }}\n{{- call')
    assert other != HERMES_TEMPLATE
    with pytest.raises(ExportError, match="choose another --format") as refused:
        template_pieces(_checkpoint(tmp_path, HERMES, lamp, other), HERMES, lamp)
    assert '+{"name": "lamp", "parameters"' in str(refused.value)
    assert '-{"name": "lamp", "arguments"' in str(refused.value)


def test_a_template_that_fails_is_refused_with_its_own_words(
        tmp_path: Path, lamp: Catalogue) -> None:
    broken = "{{ raise_exception('one turn only') }}"
    with pytest.raises(ExportError, match="one turn only"):
        template_pieces(_checkpoint(tmp_path, HERMES, lamp, broken), HERMES, lamp)


def test_a_template_without_tool_calls_writes_them_as_content(
        tmp_path: Path, lamp: Catalogue) -> None:
    plain = LFM_TEMPLATE[:LFM_TEMPLATE.index("{%- if message.role == 'user' %}")] + (
        "{{- message.content }}{{- '<|im_end|>\\n' }}\n{%- endfor %}\n"
        "{{- '<|im_start|>assistant\\n' }}")
    pieces, notes = template_pieces(_checkpoint(tmp_path, LFM25, lamp, plain), LFM25, lamp)
    assert pieces == LFM25.pieces(lamp)
    assert notes == ()


def test_a_tokenizer_that_cannot_be_read_is_refused(tmp_path: Path, lamp: Catalogue) -> None:
    (_checkpoint(tmp_path, HERMES, lamp, None) / "tokenizer_config.json").write_text("{")
    with pytest.raises(ExportError, match="cannot read the tokenizer"):
        template_pieces(tmp_path, HERMES, lamp)
