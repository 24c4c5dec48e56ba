"""What a student makes happen in homes it has never seen, judged turn by turn."""

from iotcall.evaluate.outcomes.judge import HomeFigures, Miss, judge_home, together
from iotcall.evaluate.outcomes.script import Expectation, SaidTurn, Wanted, read_outcomes
from iotcall.evaluate.outcomes.talk import Overheard, TalkFigures, judge_talk

__all__ = ["Expectation", "HomeFigures", "Miss", "Overheard", "SaidTurn", "TalkFigures", "Wanted",
           "judge_home", "judge_talk", "read_outcomes", "together"]
