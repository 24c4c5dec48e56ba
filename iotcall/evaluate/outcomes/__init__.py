"""What a student makes happen in homes it has never seen, judged turn by turn."""

from iotcall.evaluate.outcomes.judge import HomeFigures, Miss, judge_home, together
from iotcall.evaluate.outcomes.script import Expectation, SaidTurn, Wanted, read_outcomes

__all__ = ["Expectation", "HomeFigures", "Miss", "SaidTurn", "Wanted", "judge_home",
           "read_outcomes", "together"]
