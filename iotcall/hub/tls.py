"""TLS towards the broker. Leaves out: the connection (mqtt)."""

from __future__ import annotations

import ssl

from iotcall.errors import FileError
from iotcall.hub.settings import Broker


def tls_context(broker: Broker) -> ssl.SSLContext:
    """TLS 1.2 or newer, the broker's name and certificate checked, ours shown where there is one.

    Raises:
        FileError: a file cannot be read, holds no certificate, or key and certificate do not fit.
    """
    try:
        context = ssl.create_default_context(cafile=broker.ca_file)
    except (OSError, ValueError) as error:
        assert broker.ca_file is not None
        raise FileError(broker.ca_file, f"holds no certificate authority: {_why(error)}; expected "
                        "PEM", place="broker.ca_file") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if broker.cert_file is not None:
        try:
            # subtle: without a function of ours, OpenSSL asks at the terminal for a passphrase.
            context.load_cert_chain(broker.cert_file, broker.key_file, password=lambda: "")
        except (OSError, ValueError) as error:
            raise FileError(broker.cert_file, f"cannot be used: {_why(error)}; expected PEM files "
                            "of a certificate and of its key, without a passphrase",
                            place="broker.cert_file") from error
    return context


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or "not readable"
    return getattr(error, "strerror", None) or str(error)
