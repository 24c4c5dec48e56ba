"""iotcall turns what people say at home into device commands, on the hub itself."""

__version__ = "0.1.0"
