"""A student's chat template against our rendering."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from iotcall.catalogue import Catalogue, catalogue_from_json
from iotcall.distill.training.tokenizer import train_tokenizer
from iotcall.errors import ExportError
from iotcall.export.student.dates import EPOCH, FIXED, dated_prefix
from iotcall.export.student.parts import read_parts
from iotcall.export.student.source import open_source
from iotcall.export.student.template import TemplatePieces, template_pieces
from iotcall.export.target import Head
from iotcall.formats import FUNCTIONGEMMA, HERMES, LFM25, Format
from tests.lamp import FOLDER

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
    own = template_pieces(_checkpoint(tmp_path, FUNCTIONGEMMA, lamp, None), FUNCTIONGEMMA, lamp)
    assert own == TemplatePieces(pieces=FUNCTIONGEMMA.pieces(lamp))


@pytest.mark.parametrize(("format", "template"), [(HERMES, HERMES_TEMPLATE),
                                                  (LFM25, LFM_TEMPLATE)],
                         ids=["hermes", "lfm2.5"])
def test_a_template_that_writes_what_the_format_writes_changes_nothing(
        tmp_path: Path, lamp: Catalogue, format: Format, template: str) -> None:
    own = template_pieces(_checkpoint(tmp_path, format, lamp, template), format, lamp)
    assert own == TemplatePieces(pieces=format.pieces(lamp))


def test_a_template_with_other_pieces_gives_them_to_the_bundle(
        tmp_path: Path, lamp: Catalogue) -> None:
    other = (HERMES_TEMPLATE
             .replace("# Tools\\n\\nYou may", "# Functions of this home\\n\\nYou may")
             .replace("'<|im_start|>user\\n'", "'<|im_start|>user\\n> '")
             .replace("<think>\\n\\n</think>\\n\\n", ""))
    own = template_pieces(_checkpoint(tmp_path, HERMES, lamp, other), HERMES, lamp)
    pieces = own.pieces
    assert "# Functions of this home" in pieces.prefix
    assert pieces.user_open == "<|im_start|>user\n> "
    assert pieces.call_open == "<|im_start|>assistant\n" == pieces.past_call_open
    assert pieces.end == "<|im_end|>"
    assert [note.split()[0] for note in own.notes] == ["prefix", "user_open", "call_open"]
    assert own.otherwise == ()


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
    broken = "{{ raise_exception('one turn only\nand no more') }}"
    with pytest.raises(ExportError, match=r"two turns with a call .*: one turn only; mend the"):
        template_pieces(_checkpoint(tmp_path, HERMES, lamp, broken), HERMES, lamp)


def test_a_template_without_tool_calls_writes_them_as_content(
        tmp_path: Path, lamp: Catalogue) -> None:
    plain = LFM_TEMPLATE[:LFM_TEMPLATE.index("{%- if message.role == 'user' %}")] + (
        "{{- message.content }}{{- '<|im_end|>\\n' }}\n{%- endfor %}\n"
        "{{- '<|im_start|>assistant\\n' }}")
    own = template_pieces(_checkpoint(tmp_path, LFM25, lamp, plain), LFM25, lamp)
    assert own == TemplatePieces(pieces=LFM25.pieces(lamp))


def test_a_tokenizer_that_cannot_be_read_is_refused(tmp_path: Path, lamp: Catalogue) -> None:
    (_checkpoint(tmp_path, HERMES, lamp, None) / "tokenizer_config.json").write_text("{")
    with pytest.raises(ExportError, match="cannot read the tokenizer"):
        template_pieces(tmp_path, HERMES, lamp)


def _dated(text: str) -> str:
    """The Hermes template with a line before its tools."""
    return HERMES_TEMPLATE.replace("{{- '# Tools", text + "{{- '# Tools")


TODAY = "{{- 'Today is ' + strftime_now('%A, %d %B %Y') + '.\\n\\n' }}"


def test_a_date_before_the_tools_is_the_same_on_every_day(
        tmp_path: Path, lamp: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(EPOCH, raising=False)
    checkpoint = _checkpoint(tmp_path, HERMES, lamp, _dated(TODAY))
    own = template_pieces(checkpoint, HERMES, lamp)
    assert FIXED.strftime("Today is %A, %d %B %Y.") in own.pieces.prefix
    assert "Today is Wednesday, 01 January 2025." in own.pieces.prefix
    assert [text.partition("Today is ")[2].partition(".")[0] for text in own.otherwise] == [
        "Monday, 09 July 2018", "Saturday, 25 October 2031"]
    monkeypatch.setenv(EPOCH, "1721952000")
    later = template_pieces(checkpoint, HERMES, lamp)
    assert "Today is Friday, 26 July 2024." in later.pieces.prefix
    monkeypatch.setenv(EPOCH, "yesterday")
    with pytest.raises(ExportError, match="SOURCE_DATE_EPOCH is 'yesterday'"):
        template_pieces(checkpoint, HERMES, lamp)


def test_a_dated_prefix_says_how_much_of_it_another_date_changes(
        tmp_path: Path, lamp: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(EPOCH, raising=False)
    checkpoint = _checkpoint(tmp_path, HERMES, lamp, _dated(TODAY))
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    own = template_pieces(checkpoint, HERMES, lamp)
    dated = dated_prefix(tokenizer, own.pieces.prefix, own.otherwise)
    assert dated
    before = tokenizer.encode(own.pieces.prefix.partition("Wednesday")[0]).ids
    assert dated.tokens == len(tokenizer.encode(own.pieces.prefix).ids)
    assert abs(dated.tokens - dated.again - len(before)) <= 1
    assert "keeps 2025-01-01" in dated.note
    assert f"{dated.again} of its {dated.tokens} tokens" in dated.note
    assert dated_prefix(tokenizer, own.pieces.prefix, ()) is None


def test_the_parts_of_a_bundle_tell_of_the_date(
        tmp_path: Path, lamp: Catalogue, checkpoint_of: Callable[[str], Path]) -> None:
    student = tmp_path / "student"
    shutil.copytree(checkpoint_of("qwen3"), student)
    (student / "chat_template.jinja").write_text(_dated(TODAY))
    with open_source(str(student)) as source:
        parts = read_parts(source, FOLDER, lamp, Head(), format_name=None, golden=None,
                           calibration=None, progress=lambda step: None)
    assert parts.dated
    assert parts.dated.note in parts.notes


@pytest.mark.parametrize("text", [
    "{{- strftime_now('%Y') }}", "{{- strftime_now('%H:%M') }}", "{{- strftime_now('%p') }}",
    "{%- set today %}{{ strftime_now('%a') }}{% endset %}{{- today }}",
    "{%- if date_string is not defined %}{%- set date_string = strftime_now('%d %b %Y') %}"
    "{%- endif %}{{- date_string }}",
    "{%- macro day() %}{{ strftime_now('%j') }}{% endmacro %}{{- day() }}",
])
def test_every_part_of_a_date_is_seen(tmp_path: Path, lamp: Catalogue, text: str) -> None:
    assert template_pieces(_checkpoint(tmp_path, HERMES, lamp, _dated(text)), HERMES,
                           lamp).otherwise


@pytest.mark.parametrize("text", [
    "{{- '26 Jul 2024' }}", "{%- if date_string is defined %}{{- date_string }}{%- endif %}"])
def test_a_date_that_does_not_move_is_none(tmp_path: Path, lamp: Catalogue, text: str) -> None:
    own = template_pieces(_checkpoint(tmp_path, HERMES, lamp, _dated(text)), HERMES, lamp)
    assert own.otherwise == ()


def test_a_date_in_the_turns_is_noted(tmp_path: Path, lamp: Catalogue) -> None:
    other = HERMES_TEMPLATE.replace("'<|im_start|>user\\n'",
                                    "'<|im_start|>user\\n' + strftime_now('[%F] ')")
    assert other != HERMES_TEMPLATE
    own = template_pieces(_checkpoint(tmp_path, HERMES, lamp, other), HERMES, lamp)
    assert own.pieces.user_open == "<|im_start|>user\n[2025-01-01] "
    assert own.otherwise == ()
    assert "the chat template writes today's date in user_open; the bundle keeps 2025-01-01" in (
        own.notes)


TOOL = {"name": "dim", "description": "Dim \"it\"\nat once \u2014 slowly.",
        "parameters": {"type": "object", "required": ["level"], "properties": {
            "level": {"type": "integer", "minimum": 0, "maximum": 9,
                      "description": "How <bright>."}}}}


@pytest.mark.parametrize(("tools", "left_out"), [
    ("", "the name of the tool 'lamp'"),
    ("{{- tools[0] | tojson }}", "the name of the tool 'heat'"),
    ("{%- for tool in tools %}{{- tool.function.name + tool.function.description }}{%- endfor %}",
     "the parameter 'room' of the tool 'lamp'"),
    ("{%- for tool in tools %}{{- tool.function.name }}"
     "{{- tool.function.parameters.properties.keys() | list | tojson }}{%- endfor %}",
     "the description of the tool 'lamp'"),
    ("{%- for tool in tools %}{{- tool.function.name + ' ' + tool.function.description }}"
     "{{- tool.function.parameters.properties.keys() | list | tojson }}{%- endfor %}",
     "the description of the parameter 'level' of the tool 'dim'"),
    ("{%- for tool in tools %}{{- tool.function.name + tool.function.nothing }}{%- endfor %}",
     "fails on the tool 'lamp'"),
    ("{%- for tool in tools %}{{- tool.function.parameters.properties.room.enum | length }}"
     "{{- tool | tojson }}{%- endfor %}", "fails on the tool 'heat'"),
])
def test_tools_that_a_template_cannot_write_are_named(
        tmp_path: Path, lamp: Catalogue, tools: str, left_out: str) -> None:
    catalogue = _with_tool(lamp)
    checkpoint = _checkpoint(tmp_path, HERMES, catalogue, _listing(tools))
    with pytest.raises(ExportError) as refused:
        template_pieces(checkpoint, HERMES, catalogue)
    assert left_out in str(refused.value)
    assert "remove it (chat_template.jinja" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("tools", [
    "{{- tools | tojson(indent=2) }}", "{{- tools | string }}",
    "{%- for tool in tools %}{{- tool.function.name + ': ' + tool.function.description }}"
    "{%- for name, one in tool.function.parameters.properties.items() %}"
    "{{- ' ' + name + ' // ' + (one.description or '') | replace('<', '[') }}{%- endfor %}"
    "{%- endfor %}",
])
def test_tools_may_be_written_in_another_way(tmp_path: Path, lamp: Catalogue, tools: str) -> None:
    catalogue = _with_tool(lamp)
    checkpoint = _checkpoint(tmp_path, HERMES, catalogue, _listing(tools))
    own = template_pieces(checkpoint, HERMES, catalogue)
    assert [note.split()[0] for note in own.notes] == ["prefix"]


def _with_tool(lamp: Catalogue) -> Catalogue:
    known = lamp.to_json()
    return catalogue_from_json(
        known | {"tools": [*known["tools"], {"type": "function", "function": TOOL}]}, "lamp")


def _listing(tools: str) -> str:
    """The Hermes template with another list of tools."""
    start = HERMES_TEMPLATE.index("{%- for tool in tools")
    end = HERMES_TEMPLATE.index("{{- '\\n</tools>")
    return HERMES_TEMPLATE[:start] + tools + HERMES_TEMPLATE[end:]
