"""Scenarios for sipp: what phones and callers say. A phone does what the header X-Plan tells.

Plans of phones: `after0`, `after2`, `after5` answer after so many seconds, `reject` answers 486,
`mute` rings until it is cancelled. Then `talk3`, `talk8`, `talk20` hang up after so many seconds,
`blind` transfers to a queue after 3 s, `attended` waits for a NOTIFY that names the target, `hold`
holds and resumes the call; otherwise the caller must end it.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

_SDP = """\
v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio [media_port] RTP/AVP 0 96
a=rtpmap:0 PCMU/8000
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-15"""

WAITS = (0, 2, 5)
TALKS = (3, 8, 20)
LONGEST = 150
"""Seconds after which a phone or a caller ends what nobody ended."""

BLIND_AFTER = 3


def _send(text: str, *, sdp: str = "", more: str = "", **attributes: str) -> str:
    kind = "Content-Type: application/sdp\n" if sdp else ""
    body = f"{text.strip()}\n{kind}Content-Length: [len]\n\n{sdp}"
    given = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<send{given}>\n<![CDATA[\n{body}\n]]>\n{more}</send>\n"


def _receive(what: str, more: str = "", **attributes: str | int) -> str:
    kind = "response" if what.isdigit() else "request"
    given = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f'<recv {kind}="{what}"{given}>{more}</recv>\n'


def _document(name: str, body: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{name}">\n{body}</scenario>\n'


# Phones

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
    *("reject", "mute", "blind", "attended", "hold"),
    *(f"after{seconds}" for seconds in WAITS),
    *(f"talk{seconds}" for seconds in TALKS),
)

_REPLY = """
SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:phone@[local_ip]:[local_port]>
"""
_TAG = ";tag=[pid]phone[call_number]"

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


def _reply(status: str, *, sdp: str = "", tag: str = _TAG, **attributes: str) -> str:
    return _send(_REPLY.format(status=status, tag=tag), sdp=sdp, **attributes)


def _request(method: str, number: int, more: str = "", *, sdp: str = "", **attributes: str) -> str:
    text = "\n".join(
        line
        for line in _REQUEST.format(method=method, number=number, more=more).splitlines()
        if line
    )
    return _send(text, sdp=sdp, **attributes)


def _jump(test: str, to: str) -> str:
    return f'<nop test="{test}" next="{to}"/>\n'


def _label(name: str) -> str:
    return f'<label id="{name}"/>\n'


def phone() -> str:
    """Return the scenario of all phones, a server of sipp."""
    flags = "\n".join(_FLAG.format(flag=flag) for flag in _FLAGS)
    # sipp wants each variable to be used twice.
    reference = '<Reference variables="_1,uri,theirs,ours,target,mute"/>\n'
    parts = [
        _receive("INVITE", _READ_INVITE.replace("<(.*)>", escape("<(.*)>")).format(flags=flags)),
        _jump("reject", "reject"),
        _jump("after0", "answer"),
        _reply("180 Ringing"),
        *(_jump(f"after{seconds}", f"wait{seconds}") for seconds in WAITS if seconds),
        _receive("CANCEL", next="cancelled", timeout=LONGEST * 1000, ontimeout="answer"),
    ]
    for seconds in filter(None, WAITS):
        parts += [
            _label(f"wait{seconds}"),
            _receive("CANCEL", next="cancelled", timeout=seconds * 1000, ontimeout="answer"),
        ]
    parts += [
        _label("answer"),
        _reply("200 OK", sdp=_SDP, retrans="500"),
        _receive("BYE", optional="true", next="ended"),
        _receive("ACK"),
        *(_jump(f"talk{seconds}", f"talk{seconds}") for seconds in TALKS),
        *(_jump(each, each) for each in ("blind", "attended", "hold")),
        _receive("BYE", next="ended", timeout=LONGEST * 1000, ontimeout="hangup"),
    ]
    for seconds in TALKS:
        parts += [
            _label(f"talk{seconds}"),
            _receive("BYE", next="ended", timeout=seconds * 1000, ontimeout="hangup"),
        ]
    parts += _transfers()
    parts += _hold()
    parts += [
        _label("hangup"),
        _request("BYE", 9, retrans="500"),
        _receive("NOTIFY", optional="true", next="after_refer"),
        _receive("BYE", optional="true", next="ended"),
        _receive("200", timeout=8000, ontimeout="end", next="end"),
        _label("cancelled"),
        _reply("200 OK"),
        # It is about the INVITE, whose number it has; the last request was the CANCEL.
        _send(
            _REPLY.format(status="487 Request Terminated", tag=_TAG).replace(
                "[last_CSeq:]", "CSeq: [cseq] INVITE"
            ),
            retrans="500",
        ),
        _receive("ACK", next="end", timeout=8000, ontimeout="end"),
        _label("reject"),
        _reply("486 Busy Here", retrans="500"),
        _receive("ACK", next="end", timeout=8000, ontimeout="end"),
        _label("ended"),
        _reply("200 OK", tag=""),
        _label("end"),
        "<nop/>\n",
    ]
    return _document("phone", "".join(parts) + reference)


def _transfers() -> list[str]:
    read = (
        '<action><ereg regexp=".*" search_in="hdr" header="X-Target:" check_it="false"'
        ' assign_to="target"/></action>'
    )
    return [
        _label("blind"),
        _receive("BYE", next="ended", timeout=BLIND_AFTER * 1000, ontimeout="refer"),
        _label("refer"),
        _request(
            "REFER",
            2,
            "Refer-To: <sip:802@[remote_ip]:[remote_port]>\n"
            "Referred-By: <sip:phone@[local_ip]:[local_port]>",
            retrans="500",
            next="referring",
        ),
        _label("attended"),
        _receive("BYE", optional="true", next="ended"),
        _receive("NOTIFY", read, timeout=LONGEST * 1000, ontimeout="hangup"),
        _reply("200 OK", tag=""),
        _request(
            "REFER",
            2,
            "Refer-To:[$target]\nReferred-By: <sip:phone@[local_ip]:[local_port]>",
            retrans="500",
        ),
        _label("referring"),
        _receive("BYE", optional="true", next="ended"),
        _receive("NOTIFY", optional="true", next="after_refer"),
        _receive("202", timeout=8000, ontimeout="hangup"),
        _label("transferred"),
        _receive("NOTIFY", optional="true", next="after_refer"),
        _receive("BYE", next="ended", timeout=8000, ontimeout="hangup"),
        _label("after_refer"),
        _reply("200 OK", tag="", next="transferred"),
    ]


def _hold() -> list[str]:
    held = _SDP + "\na=sendonly"
    parts = [_label("hold"), _receive("BYE", next="ended", timeout=2000, ontimeout="hold1")]
    for number, (sdp, wait, after) in enumerate(
        ((held, 3000, "hold2"), (_SDP, 4000, "hangup")), start=1
    ):
        parts += [
            _label(f"hold{number}"),
            _request(
                "INVITE",
                number + 2,
                sdp=sdp.replace("o=- 1 1", f"o=- 1 {number + 1}"),
                retrans="500",
            ),
            _receive("BYE", optional="true", next="ended"),
            _receive("100", optional="true"),
            _receive("200", timeout=8000, ontimeout="hangup"),
            _request("ACK", number + 2),
            _receive("BYE", next="ended", timeout=wait, ontimeout=after),
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
    return _document("register", _send(text, retrans="500") + _receive("200", timeout=8000))


# Callers

_CALLER = """
{method} sip:{exten}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch}
From: "{number}" <sip:{user}@[remote_ip]:[remote_port]>;tag=[pid]caller[call_number]
To: <sip:{exten}@[remote_ip]:[remote_port]>{peer}
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:{user}@[local_ip]:[local_port]>
Max-Forwards: 70
{more}
"""


def caller(  # noqa: PLR0913 -- one call and all that is planned of it
    exten: str,
    number: str,
    plan: str,
    *,
    then: str = "",
    user: str = "trunk",
    ends: str = "stay",
    after: float = LONGEST,
) -> str:
    """Return the scenario of one caller.

    Args:
        exten: What he calls.
        number: His own number.
        plan: For the phones that he will ring: those with odd numbers, `:`, the others.
        then: The same after he was transferred to a queue.
        user: The endpoint that he is: `trunk`, `mobile` or a phone.
        ends: `stay` waits for a BYE, `bye` and `cancel` hang up, `vanish` says nothing more, `key`
            presses 1 and then stays.
        after: Seconds after the answer, or for `cancel` after the INVITE.
    """
    # What cancels or confirms an INVITE without success has its branch.
    same = f"z9hG4bK-{number}-invite"

    def say(
        method: str,
        cseq: int,
        branch: str = "",
        *,
        sdp: str = "",
        more: str = "",
        **attributes: str,
    ) -> str:
        text = _CALLER.format(
            method=method,
            exten=exten,
            number=number,
            user=user,
            cseq=cseq,
            branch=branch or "[branch]",
            peer="" if method in {"INVITE", "CANCEL"} else "[peer_tag_param]",
            more=more,
        )
        text = "\n".join(line for line in text.splitlines() if line)
        return _send(text, sdp=sdp, **attributes)

    identity = f"P-Asserted-Identity: <sip:{number}@127.0.0.1>\nX-Plan: {plan}\n"
    identity += f"X-Then: {then or 'mute:mute'}"
    patience, wait = LONGEST * 1000, int(after * 1000)
    parts = [say("INVITE", 1, same, sdp=_SDP, more=identity, retrans="500")]
    if ends == "cancel":
        parts += [
            _receive("100"),
            f'<pause milliseconds="{wait}"/>\n',
            say("CANCEL", 1, same, retrans="500"),
            _receive("183", optional="true"),
            _receive("200", timeout=8000, ontimeout="end"),
            _receive("487", timeout=8000, ontimeout="end", next="refused"),
        ]
    parts += [
        *(_receive(status, optional="true") for status in ("100", "180", "183")),
        *(
            _receive(status, optional="true", next="refused")
            for status in ("403", "404", "480", "486", "487", "500", "503", "603")
        ),
        _receive("200", timeout=patience, ontimeout="end"),
        say("ACK", 1),
    ]
    if ends == "key":
        parts += [
            _receive("BYE", next="ended", timeout=wait, ontimeout="key"),
            _label("key"),
            '<nop><action><exec play_dtmf="1"/></action></nop>\n',
            '<pause milliseconds="500"/>\n',
        ]
    if ends in {"bye", "vanish"}:
        after_wait = "bye" if ends == "bye" else "end"
        parts += [_receive("BYE", next="ended", timeout=wait, ontimeout=after_wait)]
    else:
        parts += [_receive("BYE", next="ended", timeout=patience, ontimeout="bye")]
    parts += [
        _label("bye"),
        say("BYE", 2, retrans="500"),
        _receive("BYE", optional="true", next="ended"),
        _receive("200", timeout=8000, ontimeout="end", next="end"),
        _label("ended"),
        _reply("200 OK", tag="", next="end"),
        _label("refused"),
        say("ACK", 1, same),
        _label("end"),
        "<nop/>\n",
    ]
    return _document("caller", "".join(parts))
