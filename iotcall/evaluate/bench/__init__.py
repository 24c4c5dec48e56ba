"""How fast a bundle answers on this machine, and how far that is from the machine's floor."""

from iotcall.evaluate.bench.latency import MODES, ModeName
from iotcall.evaluate.bench.picture import draw, find_matplotlib
from iotcall.evaluate.bench.report import BenchSettings, Report, measure
from iotcall.evaluate.bench.table import table

__all__ = ["MODES", "BenchSettings", "ModeName", "Report", "draw", "find_matplotlib", "measure",
           "table"]
