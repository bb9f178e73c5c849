"""Checks whether a peer can be reached: its name, its port, and TLS."""

from __future__ import annotations

import socket
from contextlib import suppress

from exporter.checks.handshake import check_tls
from exporter.checks.peers import CONNECT_SECONDS, NAME, TCP, Peer, reason
from exporter.checks.report import Findings
from exporter.exposition.problems import one_line
from exporter.settings.address import Address
from exporter.snapshots.unjoined import UnjoinedThreads


def check_peer(peer: Peer, findings: Findings, now: float, of: str = "") -> bool:
    """Try to reach a peer; return whether that works.

    Args:
        peer: The peer.
        findings: Get what was found.
        now: Unix time in seconds.
        of: Follows the names of the checks, if a subject has several peers.
    """
    if not _is_resolved(peer, findings, of):
        return False
    try:
        connection = socket.create_connection((peer.host, peer.port), CONNECT_SECONDS)
    except OSError as error:
        findings.fail(TCP + of, reason(error), _unreachable(peer, error))
        return False
    with connection:
        findings.good(TCP + of, f"connected to {_address(connection.getpeername())}")
        if peer.has_tls:
            return check_tls(peer, connection, findings, now, of)
    return True


def _is_resolved(peer: Peer, findings: Findings, of: str) -> bool:
    try:
        # A resolver may block for long.
        found = (
            UnjoinedThreads()
            .submit(socket.getaddrinfo, peer.host, peer.port, type=socket.SOCK_STREAM)
            .result(CONNECT_SECONDS)
        )
    except OSError as error:
        name = one_line(peer.host)
        findings.fail(
            NAME + of,
            f"the host name {name} cannot be resolved: {reason(error)}",
            f"check the host in {peer.flags.url}, and the DNS of this machine: getent hosts {name}",
        )
        return False
    addresses = dict.fromkeys(str(info[4][0]) for info in found)
    findings.good(NAME + of, f"{one_line(peer.host)} is {', '.join(addresses)}")
    return True


def _unreachable(peer: Peer, error: OSError) -> str:
    where = f"{one_line(peer.host)} {peer.port}"
    if isinstance(error, ConnectionRefusedError):
        return (
            f"check that the server runs and listens on this address, and the port in "
            f"{peer.flags.url}"
        )
    return (
        f"check firewalls and routes between this machine and the server, and the port in "
        f"{peer.flags.url}: nc -vz {where}"
    )


def _address(name: tuple[str, int]) -> str:
    return str(Address(name[0], name[1]))


def first_bytes(host: str, port: int) -> bytes:
    """Return how a peer that is no broker answers a client of AMQP; empty without an answer."""
    with suppress(OSError), socket.create_connection((host, port), CONNECT_SECONDS) as peer:
        # A web server waits for the end of a line.
        peer.sendall(b"AMQP\x00\x00\x09\x01\r\n\r\n")
        return peer.recv(8)
    return b""
