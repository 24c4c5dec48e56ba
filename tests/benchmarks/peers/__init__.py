"""``make bench-peers``: other systems from utterance to valid call, on the same weights and tokens.

`task` writes what all are asked, `checkpoint` and `gguf` the weights, a runner per system answers
in its own virtual environment (`protocol`), `driver` takes the times. Leaves out: answers' quality.
"""
