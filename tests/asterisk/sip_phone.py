"""What phones say, by sipp. A phone does what the header X-Plan tells.

Plans of phones: `after0`, `after2`, `after5` answer after so many seconds, `reject` answers 486,
`moved` answers 302 and names phone2, `mute` rings until it is cancelled. Then `talk3`, `talk8`,
`talk20` hang up after so many seconds, `blind` transfers to a queue after 3 s, `attended` waits for
a NOTIFY that names the target, `hold` holds and resumes the call; otherwise the caller must end it.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from tests.asterisk.sip_pieces import LONGEST, REPLY, SDP, document, label, receive, reply, send

WAITS = (0, 2, 5)
TALKS = (3, 8, 20)
BLIND_AFTER = 3


TAG = ";tag=[pid]phone[call_number]"
_READ_INVITE = """
<action>
<ereg regexp="<(.*)>" search_in="hdr" header="Contact:" assign_to="_1,uri"/>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="theirs"/>
<ereg regexp="[^;]*" search_in="hdr" header="To:" assign_to="ours"/>
{flags}
</action>
"""
_FLAG = (
    '<ereg regexp="{flag}" search_in="hdr" header="X-Plan:" check_it="false" assign_to="{flag}"/>'
)
_FLAGS = (
    *("reject", "moved", "mute", "blind", "attended", "hold"),
    *(f"after{seconds}" for seconds in WAITS),
    *(f"talk{seconds}" for seconds in TALKS),
)

# A request within the dialog that the other side began.
_REQUEST = """
{method} [$uri] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From:[$ours];tag=[pid]phone[call_number]
To:[$theirs]
Call-ID: [call_id]
CSeq: {number} {method}
Contact: <sip:phone@[local_ip]:[local_port]>
Max-Forwards: 70
{more}
"""


def _request(method: str, number: int, more: str = "", *, sdp: str = "", **attributes: str) -> str:
    text = "\n".join(
        line
        for line in _REQUEST.format(method=method, number=number, more=more).splitlines()
        if line
    )
    return send(text, sdp=sdp, **attributes)


def _jump(test: str, to: str) -> str:
    return f'<nop test="{test}" next="{to}"/>\n'


def phone() -> str:
    """Return the scenario of all phones, a server of sipp."""
    flags = "\n".join(_FLAG.format(flag=flag) for flag in _FLAGS)
    # sipp wants each variable to be used twice.
    reference = '<Reference variables="_1,uri,theirs,ours,target,mute"/>\n'
    parts = [
        receive("INVITE", _READ_INVITE.replace("<(.*)>", escape("<(.*)>")).format(flags=flags)),
        _jump("reject", "reject"),
        _jump("moved", "moved"),
        _jump("after0", "answer"),
        reply("180 Ringing", tag=TAG),
        *(_jump(f"after{seconds}", f"wait{seconds}") for seconds in WAITS if seconds),
        receive("CANCEL", next="cancelled", timeout=LONGEST * 1000, ontimeout="answer"),
    ]
    for seconds in filter(None, WAITS):
        parts += [
            label(f"wait{seconds}"),
            receive("CANCEL", next="cancelled", timeout=seconds * 1000, ontimeout="answer"),
        ]
    parts += [
        label("answer"),
        reply("200 OK", tag=TAG, sdp=SDP, retrans="500"),
        receive("BYE", optional="true", next="ended"),
        receive("ACK"),
        *(_jump(f"talk{seconds}", f"talk{seconds}") for seconds in TALKS),
        *(_jump(each, each) for each in ("blind", "attended", "hold")),
        receive("BYE", next="ended", timeout=LONGEST * 1000, ontimeout="hangup"),
    ]
    for seconds in TALKS:
        parts += [
            label(f"talk{seconds}"),
            receive("BYE", next="ended", timeout=seconds * 1000, ontimeout="hangup"),
        ]
    parts += _transfers()
    parts += _hold()
    parts += [
        label("hangup"),
        _request("BYE", 9, retrans="500"),
        receive("NOTIFY", optional="true", next="after_refer"),
        receive("BYE", optional="true", next="ended"),
        receive("200", timeout=8000, ontimeout="end", next="end"),
        label("cancelled"),
        reply("200 OK", tag=TAG),
        # It is about the INVITE, whose number it has; the last request was the CANCEL.
        send(
            REPLY.format(status="487 Request Terminated", tag=TAG).replace(
                "[last_CSeq:]", "CSeq: [cseq] INVITE"
            ),
            retrans="500",
        ),
        receive("ACK", next="end", timeout=8000, ontimeout="end"),
        label("moved"),
        send(
            REPLY.format(status="302 Moved Temporarily", tag=TAG).replace(
                "<sip:phone@[local_ip]:[local_port]>", "<sip:62@[remote_ip]:[remote_port]>"
            ),
            retrans="500",
        ),
        receive("ACK", next="end", timeout=8000, ontimeout="end"),
        label("reject"),
        reply("486 Busy Here", tag=TAG, retrans="500"),
        receive("ACK", next="end", timeout=8000, ontimeout="end"),
        label("ended"),
        reply("200 OK"),
        label("end"),
        "<nop/>\n",
    ]
    return document("phone", "".join(parts) + reference)


def _transfers() -> list[str]:
    read = (
        '<action><ereg regexp=".*" search_in="hdr" header="X-Target:" check_it="false"'
        ' assign_to="target"/></action>'
    )
    return [
        label("blind"),
        receive("BYE", next="ended", timeout=BLIND_AFTER * 1000, ontimeout="refer"),
        label("refer"),
        _request(
            "REFER",
            2,
            "Refer-To: <sip:802@[remote_ip]:[remote_port]>\n"
            "Referred-By: <sip:phone@[local_ip]:[local_port]>",
            retrans="500",
            next="referring",
        ),
        label("attended"),
        receive("BYE", optional="true", next="ended"),
        receive("NOTIFY", read, timeout=LONGEST * 1000, ontimeout="hangup"),
        reply("200 OK"),
        _request(
            "REFER",
            2,
            "Refer-To:[$target]\nReferred-By: <sip:phone@[local_ip]:[local_port]>",
            retrans="500",
        ),
        label("referring"),
        receive("BYE", optional="true", next="ended"),
        receive("NOTIFY", optional="true", next="after_refer"),
        receive("202", timeout=8000, ontimeout="hangup"),
        label("transferred"),
        receive("NOTIFY", optional="true", next="after_refer"),
        receive("BYE", next="ended", timeout=8000, ontimeout="hangup"),
        label("after_refer"),
        reply("200 OK", next="transferred"),
    ]


def _hold() -> list[str]:
    held = SDP + "\na=sendonly"
    parts = [label("hold"), receive("BYE", next="ended", timeout=2000, ontimeout="hold1")]
    for number, (sdp, wait, after) in enumerate(
        ((held, 3000, "hold2"), (SDP, 4000, "hangup")), start=1
    ):
        parts += [
            label(f"hold{number}"),
            _request(
                "INVITE",
                number + 2,
                sdp=sdp.replace("o=- 1 1", f"o=- 1 {number + 1}"),
                retrans="500",
            ),
            receive("BYE", optional="true", next="ended"),
            receive("100", optional="true"),
            receive("200", timeout=8000, ontimeout="hangup"),
            _request("ACK", number + 2),
            receive("BYE", next="ended", timeout=wait, ontimeout=after),
        ]
    return parts


def register(name: str, port: int, seconds: int = 3600) -> str:
    """Return a scenario in which a phone registers; with 0 seconds it unregisters."""
    text = f"""
REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{name}@[remote_ip]:[remote_port]>;tag=[pid]r[call_number]
To: <sip:{name}@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 REGISTER
Contact: <sip:{name}@127.0.0.1:{port}>
Expires: {seconds}
Max-Forwards: 70
"""
    return document("register", send(text, retrans="500") + receive("200", timeout=8000))
