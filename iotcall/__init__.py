"""iotcall turns what people say at home into device commands, on the hub itself."""

import os

__version__ = "0.1.0"

# onnxruntime collects usage for its vendor from the moment it is imported, on Linux too: it keeps a
# database in the home folder and carries an address to send it to. What is said here stays here.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
