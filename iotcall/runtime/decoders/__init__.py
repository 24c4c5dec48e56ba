"""Graphs of every layout behind one interface: tokens in, logits out, a past that grows."""

from iotcall.runtime.decoders.decoder import Decoder, Past, Scores, Wanted, open_decoder

__all__ = ["Decoder", "Past", "Scores", "Wanted", "open_decoder"]
