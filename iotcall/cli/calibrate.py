"""``iotcall calibrate``: a bundle's thresholds for a chosen risk."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import msgspec
import typer

from iotcall.cli.eval import DataOption, asked, homes_of, progress
from iotcall.cli.output import (
    DEFAULT_BUNDLE,
    BundleOption,
    JsonOption,
    bundle_folder,
    print_json,
    refuse_nan,
)
from iotcall.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotcall.bundle import Calibration
    from iotcall.dialogue.thresholds import Thresholds
    from iotcall.evaluate.calibration import Heard, Passed
    from iotcall.evaluate.conformal import Choice
    from iotcall.evaluate.files import Said
    from iotcall.evaluate.judging import Judged

    _Chosen: TypeAlias = tuple[Choice, Thresholds, str]
    """What was chosen, and what is said where it is not proven."""

_METHOD = ("Learn then Test (arXiv:2110.01052): fixed sequences from several starts, binomial "
           "p-values")
_TALK_METHOD = ("Learn then Test (arXiv:2110.01052): one fixed sequence, binomial p-values, of "
                "ordinary talk")


def calibrate(
    data: DataOption,
    bundle: BundleOption = DEFAULT_BUNDLE,
    risk: Annotated[float, typer.Option(
        min=0.0001, max=0.5, help="Highest share of wrong calls among the accepted ones.")] = 0.02,
    doubt: Annotated[float, typer.Option(
        min=0.001, max=0.5, help="Chance that the risk is higher all the same.")] = 0.1,
    off_topic: Annotated[list[Path] | None, typer.Option(
        metavar="FILE", help="Ordinary talk, an utterance a line or JSON Lines with 'text': how "
                             "much of it becomes a command? May be repeated.")] = None,
    talk_risk: Annotated[float | None, typer.Option(
        min=0.0001, max=0.5, help="Choose by --off-topic instead how sure it must be that anything "
                                  "is wanted: the highest share of that talk that may become a "
                                  "command.")] = None,
    served: Annotated[list[str] | None, typer.Option(
        metavar="INTENT", help="Leave out talk of this 'intent', which the catalogue serves; may "
                               "be repeated.")] = None,
    talk: Annotated[list[str] | None, typer.Option(
        metavar="TOOL", help="A tool that commands nothing, beside those that dialogue.toml calls "
                             "unclear; may be repeated.")] = None,
    out: Annotated[Path | None, typer.Option(
        metavar="DIR", help="Write the calibrated bundle there and leave this one.")] = None,
    key: Annotated[Path | None, typer.Option(
        metavar="FILE", help="Private key to sign the bundle with.")] = None,
    dry_run: Annotated[bool, typer.Option(
        "--dry-run", help="Print the figures and write nothing.")] = False,
    check: Annotated[bool, typer.Option(
        "--check", help="Choose nothing: tell what passes at the thresholds that the bundle has."
    )] = False,
    force: Annotated[bool, typer.Option(
        "--force", help="Write a threshold that is not proven, too; the bundle says so.")] = False,
    json: JsonOption = False,
) -> None:
    """Find the threshold at which calls are wrong as seldom as wanted; write it into the bundle.

    The hub takes it in place of dialogue.toml's fallback_below. With --talk-risk it is not the
    confidence in a call but P(something is wanted at all) that gets a threshold, wish_from. The
    other one stays what the bundle has. The data must not have been used for training. Exit code 2,
    and nothing written, where the data prove no threshold.
    """
    from iotcall.bundle import CALIBRATION, check_place, check_signer, open_bundle, renew_files
    from iotcall.cli.keys import signing_key
    from iotcall.dialogue.thresholds import own_thresholds, talk_tools
    from iotcall.evaluate.calibration import commands_heard
    from iotcall.evaluate.files import read_labelled, read_utterances
    from iotcall.runtime import Student

    refuse_nan(risk=risk, doubt=doubt, talk_risk=talk_risk)
    folder = bundle_folder(bundle)
    opened = open_bundle(folder)
    dialogues = read_labelled(data, opened.catalogue)
    said = [each for path in off_topic or () for each in read_utterances(path, opened.catalogue)]
    wanted = _unserved(said, served or [])
    tools = talk_tools(opened) | {opened.catalogue.tool(name).name for name in talk or ()}
    signer = signing_key(key) if key else None
    if not dry_run and not check:  # before minutes of work
        check_signer(folder, signer)
        if out:
            check_place(out, replace=False)
    if check and (talk_risk is not None or out or key or force):
        raise InputError("--check chooses and writes nothing: leave out --talk-risk, --out, --key "
                         "and --force")
    if talk_risk is not None and opened.skills:
        raise InputError("--talk-risk: of a bundle with skills the tools of those that were not "
                         "picked are not known; choose a confidence by --risk")
    if talk_risk is not None and talk and not dry_run:
        raise InputError("--talk with --talk-risk: a hub would not know that these tools command "
                         "nothing; name them as unclear in dialogue.toml, or add --dry-run")
    if talk_risk is not None and not wanted:
        raise InputError("--talk-risk wants ordinary talk to prove it by: add --off-topic FILE")
    judged = asked(opened, dialogues, homes=homes_of(dialogues), quiet=json)
    heard = []
    if wanted:
        with Student.open(opened) as student, progress(
                "ordinary talk", len(wanted), quiet=json) as step:
            heard = commands_heard(student, wanted, tools, step)
    items = _Items(judged, heard, len(wanted), tools)
    if check:
        thresholds = own_thresholds(opened)
        told = items.passed(thresholds)
        if json:
            print_json({"thresholds": thresholds, **told})
        else:
            typer.echo("\n".join([f"thresholds confidence {thresholds.fallback_below:.4f}, that "
                                  f"something is wanted {thresholds.wish_from:.4f}",
                                  *_passed(told)]))
        return
    if talk_risk is None:
        files = data
        choice, found, fault = items.chosen(own_thresholds(opened), risk, doubt)
    else:
        files = off_topic or []
        choice, found, fault = items.chosen_by_talk(own_thresholds(opened), talk_risk, doubt)
    made = _calibration(choice, found, risk if talk_risk is None else talk_risk, doubt,
                        len(judged) if talk_risk is None else choice.items, files,
                        of_talk=talk_risk is not None)
    told = items.passed(found)
    written = (choice.proven or force) and not dry_run
    if written:
        renew_files(folder, {CALIBRATION: made.encode()}, out=out, sign_with=signer)
    if json:
        print_json({"calibration": made, "needed": choice.needed, **told,
                    "written": str(out or folder) if written else None})
    else:
        typer.echo("\n".join([*_report(made, choice, of_talk=talk_risk is not None),
                              *_passed(told)]))
        if written:
            typer.echo(f"written into {out or folder}")
    if not choice.proven and not force and not dry_run:
        raise InputError(f"{fault}; nothing was written: give more items, raise --risk, "
                         "--talk-risk or --doubt, or add --force")


class _Items:
    """What was judged and overheard."""

    def __init__(self, judged: Sequence[Judged], heard: Sequence[Heard], utterances: int,
                 talk: frozenset[str]) -> None:
        self._judged, self._heard, self._utterances, self._talk = judged, heard, utterances, talk

    def chosen(self, own: Thresholds, risk: float, doubt: float) -> _Chosen:
        """A confidence, by the calls that are wrong, and what is said where they prove nothing."""
        from iotcall.evaluate.conformal import choose, needed

        calls = [item for item in self._judged if item.answered and item.got]
        least = needed(risk, doubt)
        fault = (f"too few items: {len(calls)} calls, at least {least} accepted ones are needed to "
                 f"prove a risk of {risk:.1%}, and more where some are wrong"
                 if len(calls) < least else
                 f"at no threshold do these {len(calls)} calls prove a risk of {risk:.1%}")
        choice = _some(choose([item.confidence for item in calls], [item.right for item in calls],
                              risk=risk, doubt=doubt), fault)
        return choice, msgspec.structs.replace(own, fallback_below=choice.threshold), fault

    def chosen_by_talk(self, own: Thresholds, risk: float, doubt: float) -> _Chosen:
        """By ordinary talk, how sure it must be that anything is wanted."""
        from iotcall.evaluate.conformal import choose_by_talk

        fault = (f"at no threshold do these {self._utterances} utterances of ordinary talk prove "
                 f"that at most {risk:.1%} of it becomes a command")
        choice = _some(choose_by_talk(
            [each.wish for each in self._heard if each.confidence >= own.fallback_below],
            self._utterances, risk=risk, doubt=doubt), fault)
        return choice, msgspec.structs.replace(own, wish_from=choice.threshold), fault

    def passed(self, thresholds: Thresholds) -> dict[str, Passed]:
        """What passes as a command."""
        from iotcall.evaluate.calibration import commands_passed, talk_passed

        told = {"commands": commands_passed(self._judged, thresholds, self._talk)}
        if self._utterances:
            told["off_topic"] = talk_passed(self._heard, self._utterances, thresholds)
        return told


def _some(choice: Choice | None, fault: str) -> Choice:
    if choice is None:
        raise InputError(f"{fault}; not even these items kept to it at any threshold: allow more "
                         "with --risk or --talk-risk, or train the student better")
    return choice


def _calibration(choice: Choice, found: Thresholds, risk: float, doubt: float, items: int,
                 files: Sequence[Path], *, of_talk: bool) -> Calibration:
    from iotcall.bundle import Calibration

    return Calibration(
        fallback_below=found.fallback_below, wish_from=found.wish_from, risk=risk, doubt=doubt,
        proven=choice.proven, items=items, accepted=choice.accepted, wrong=choice.wrong,
        method=_TALK_METHOD if of_talk else _METHOD,
        data_sha256=tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in files))


def _unserved(said: Sequence[Said], served: Sequence[str]) -> list[Said]:
    known = {each.intent for each in said}
    for intent in served:
        if intent not in known:
            raise InputError(f"--served {intent}: no utterance of --off-topic has that intent; "
                             f"there are: {', '.join(sorted(known - {''})[:200]) or 'none'}")
    return [each for each in said if each.intent not in served]


def _report(made: Calibration, choice: Choice, *, of_talk: bool) -> list[str]:
    if of_talk:
        found = (f"{made.wrong} of {made.items} utterances of ordinary talk become commands",
                 "of ordinary talk becomes a command")
    else:
        found = (f"{made.wrong} of {made.accepted} accepted calls are wrong, of {made.items} items",
                 "of accepted calls are wrong")
    least = f" (that takes {choice.needed} {'of it' if of_talk else 'accepted'} without a mistake)"
    return [
        f"threshold  {made.wish_from if of_talk else made.fallback_below:.4f}"
        f"{' that something is wanted' if of_talk else ''}: {found[0]}",
        f"           {'proven' if made.proven else 'NOT proven'}: at most {made.risk:.1%} "
        f"{found[1]}, with {1 - made.doubt:.0%} certainty{'' if made.proven else least}"]


def _passed(told: dict[str, Passed]) -> list[str]:
    lines = []
    for name, what in (("commands", "of commands pass, right or wrong"),
                       ("off_topic", "of ordinary talk would become a command")):
        if name in told:
            each = told[name]
            lines.append(f"{name:<10} {each.share:.1%} {what} ({each.passed} of {each.utterances}, "
                         f"95 % interval {each.interval95[0]:.1%} to {each.interval95[1]:.1%})")
            lines += [f"           {text}" for text in each.examples]
    return lines
