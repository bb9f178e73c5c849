"""Pieces of which scenarios for sipp are made."""

from __future__ import annotations

SDP = """\
v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio [media_port] RTP/AVP 0 96
a=rtpmap:0 PCMU/8000
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-15"""

LONGEST = 150
"""Seconds after which a phone or a caller ends what nobody ended."""

REPLY = """
SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:phone@[local_ip]:[local_port]>
"""


def send(text: str, *, sdp: str = "", more: str = "", **attributes: str) -> str:
    """Return the sending of a message."""
    kind = "Content-Type: application/sdp\n" if sdp else ""
    body = f"{text.strip()}\n{kind}Content-Length: [len]\n\n{sdp}"
    given = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<send{given}>\n<![CDATA[\n{body}\n]]>\n{more}</send>\n"


def receive(what: str, more: str = "", **attributes: str | int) -> str:
    """Return the wait for a request, or for a response of this status."""
    kind = "response" if what.isdigit() else "request"
    given = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f'<recv {kind}="{what}"{given}>{more}</recv>\n'


def document(name: str, body: str) -> str:
    """Return a whole scenario."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{name}">\n{body}</scenario>\n'


def label(name: str) -> str:
    """Return a place to jump to."""
    return f'<label id="{name}"/>\n'


def reply(status: str, *, sdp: str = "", tag: str = "", **attributes: str) -> str:
    """Return the answer to the last request; `tag` only where it has none yet."""
    return send(REPLY.format(status=status, tag=tag), sdp=sdp, **attributes)
