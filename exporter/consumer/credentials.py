"""The secrets with which the exporter connects: read at each connection, and never shown.

A changed password or certificate needs no restart. A message about a wrong file names the setting
and what to do, and contains nothing of the file.
"""

from __future__ import annotations

import ssl
from typing import Any

from exporter.exposition.problems import tls_reason
from exporter.settings import BusSettings
from exporter.settings.bus_url import BusUrl
from exporter.settings.secret_files import read_password


def password(url: BusUrl, bus: BusSettings) -> str:
    """Return the password for an address of a bus.

    Raises:
        ValueError: The file with the password cannot be used.
    """
    if bus.password_file is not None:
        return read_password(bus.password_file, "--bus-password-file")
    if bus.password is not None:
        return bus.password.get_secret_value()
    return url.password


def tls(url: BusUrl, bus: BusSettings) -> dict[str, Any] | bool:
    """Return the TLS options of an address for kombu; False without TLS.

    Raises:
        ValueError: A file with certificates or with the key cannot be used.
    """
    if not url.tls:
        return False
    options: dict[str, Any] = {
        "cert_reqs": ssl.CERT_REQUIRED,
        "server_hostname": bus.server_name or url.host,
    }
    if bus.ca_file is not None:
        options["ca_certs"] = str(bus.ca_file)
    if bus.cert_file is not None:
        options["certfile"] = str(bus.cert_file)
        options["keyfile"] = str(bus.key_file)
    _check_files(bus)
    return options


def _check_files(bus: BusSettings) -> None:
    """Load the files, because py-amqp's errors do not say which file is wrong.

    OpenSSL would ask for the pass phrase of an encrypted key on the terminal, and wait for ever.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    flags = "--bus-ca-file"
    try:
        if bus.ca_file is not None:
            context.load_verify_locations(cafile=str(bus.ca_file))
        flags = "--bus-cert-file and --bus-key-file"
        if bus.cert_file is not None:
            context.load_cert_chain(bus.cert_file, bus.key_file, password=_no_pass_phrase)
    except _EncryptedError:
        problem = "the key is encrypted; write it into the file without a pass phrase"
    except ssl.SSLError as error:
        problem = tls_reason(error)
    except OSError as error:
        problem = error.strerror or type(error).__name__
    else:
        return
    msg = f"the certificates cannot be used: check {flags} ({problem})"
    raise ValueError(msg)


class _EncryptedError(Exception):
    pass


def _no_pass_phrase() -> str:
    raise _EncryptedError
