"""A bundle's graphs in onnxruntime, behind one interface whatever their layout."""

from iotcall.runtime.decoders.decoder import Decoder, Scores, State, open_decoder

__all__ = ["Decoder", "Scores", "State", "open_decoder"]
