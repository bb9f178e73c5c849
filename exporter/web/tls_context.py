"""Makes the context for the server's side of TLS."""

from __future__ import annotations

import contextlib
import os
import re
import ssl
from collections.abc import Iterator, Mapping

from exporter.web.tls_section import ClientAuth, TlsSection
from exporter.web.web_section import Pem
from exporter.web.yaml_tree import ContentError

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
_KEY = re.compile(rb"-----BEGIN ([A-Z0-9]+ )?PRIVATE KEY-----")

_NO_PAIR = "the key does not belong to the certificate"
_REASONS = {
    "KEY_VALUES_MISMATCH": _NO_PAIR,
    "KEY_TYPE_MISMATCH": _NO_PAIR,
    # What OpenSSL says of a certificate with RSA and a key without.
    "NO_CERTIFICATE_ASSIGNED": _NO_PAIR,
    "EE_KEY_TOO_SMALL": "the key is too short",
    "CA_KEY_TOO_SMALL": "the key of an authority is too short",
    "CA_MD_TOO_WEAK": "the certificate is signed with an old hash function",
}


def make_context(section: TlsSection, contents: Mapping[Pem, bytes]) -> ssl.SSLContext:
    """Return a context for handshakes as a section describes them.

    Args:
        section: The section.
        contents: What is in the files or texts that it names.

    Raises:
        ContentError: Certificates or the key cannot be used.
        OSError: There are no free file descriptors, for example.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    # A client could otherwise make the server compute without end on one connection.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    # A client that resumes a session is not asked for its certificate again.
    context.num_tickets = 0
    context.minimum_version, context.maximum_version = section.min_version, section.max_version
    if section.suites is not None:
        context.set_ciphers(":".join(section.suites))
    if not section.prefers_own_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if section.curve is not None:
        context.set_ecdh_curve(section.curve)
    _load_own(context, section, contents[section.certificate], contents[section.key])
    if section.client_auth is not ClientAuth.NONE:
        is_required = section.client_auth is ClientAuth.REQUIRED
        context.verify_mode = ssl.CERT_REQUIRED if is_required else ssl.CERT_OPTIONAL
        # As in Go, each certificate in the file is trusted, also one that another has signed.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if section.client_ca is None:
            context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        else:
            _load_authorities(context, section.client_ca, contents[section.client_ca])
    return context


def _load_own(context: ssl.SSLContext, section: TlsSection, certificate: bytes, key: bytes) -> None:
    line = section.certificate.line
    if not _CERTIFICATE.search(certificate):
        problem = f"{section.certificate.key} has no certificate in PEM"
        raise ContentError(problem, line)
    if not _KEY.search(key):
        encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in key
        problem = _ENCRYPTED if encrypted else f"{section.key.key} has no private key in PEM"
        raise ContentError(problem, section.key.line)
    with _as_file(certificate) as certificate_path, _as_file(key) as key_path:
        try:
            context.load_cert_chain(certificate_path, key_path, password=_no_pass_phrase)
        except _EncryptedError:
            problem = _ENCRYPTED
        except ssl.SSLError as error:
            problem = f"the certificate and the key cannot be used: {_reason(error)}"
        else:
            return
    # Outside of the except clauses: the context of an exception keeps what was read.
    raise ContentError(problem, line)


def _load_authorities(context: ssl.SSLContext, authorities: Pem, content: bytes) -> None:
    # Comments between them may have any encoding.
    found = b"\n".join(_CERTIFICATE.findall(content))
    problem = f"{authorities.key} has no certificate in PEM"
    if found:
        try:
            context.load_verify_locations(cadata=found.decode("ascii"))
            return
        except (ssl.SSLError, ValueError) as error:
            reason = _reason(error) if isinstance(error, ssl.SSLError) else "not PEM"
            problem = f"{authorities.key} has a certificate that cannot be used: {reason}"
    raise ContentError(problem, authorities.line)


_ENCRYPTED = "the key is encrypted: write it into the file without a pass phrase"


class _EncryptedError(Exception):
    pass


def _no_pass_phrase() -> str:
    # OpenSSL would ask for it on the terminal, and wait for ever.
    raise _EncryptedError


def _reason(error: ssl.SSLError) -> str:
    code = error.reason or "not PEM"
    return _REASONS.get(code, code.lower().replace("_", " "))


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """Give content a path in memory: `ssl` takes certificates and keys only from files."""
    descriptor = os.memfd_create("pem")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
