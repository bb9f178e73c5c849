"""What callers say, by sipp."""

from __future__ import annotations

from tests.asterisk.sip_pieces import LONGEST, SDP, document, label, receive, reply, send

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
        return send(text, sdp=sdp, **attributes)

    identity = f"P-Asserted-Identity: <sip:{number}@127.0.0.1>\nX-Plan: {plan}\n"
    identity += f"X-Then: {then or 'mute:mute'}"
    patience, wait = LONGEST * 1000, int(after * 1000)
    parts = [say("INVITE", 1, same, sdp=SDP, more=identity, retrans="500")]
    if ends == "cancel":
        parts += [
            receive("100"),
            f'<pause milliseconds="{wait}"/>\n',
            say("CANCEL", 1, same, retrans="500"),
            receive("183", optional="true"),
            receive("200", timeout=8000, ontimeout="end"),
            receive("487", timeout=8000, ontimeout="end", next="refused"),
        ]
    parts += [
        *(receive(status, optional="true") for status in ("100", "180", "183")),
        *(
            receive(status, optional="true", next="refused")
            for status in ("403", "404", "480", "486", "487", "500", "503", "603")
        ),
        receive("200", timeout=patience, ontimeout="end"),
        say("ACK", 1),
    ]
    if ends == "key":
        parts += [
            receive("BYE", next="ended", timeout=wait, ontimeout="key"),
            label("key"),
            '<nop><action><exec play_dtmf="1"/></action></nop>\n',
            '<pause milliseconds="500"/>\n',
        ]
    if ends in {"bye", "vanish"}:
        after_wait = "bye" if ends == "bye" else "end"
        parts += [receive("BYE", next="ended", timeout=wait, ontimeout=after_wait)]
    else:
        parts += [receive("BYE", next="ended", timeout=patience, ontimeout="bye")]
    parts += [
        label("bye"),
        say("BYE", 2, retrans="500"),
        receive("BYE", optional="true", next="ended"),
        receive("200", timeout=8000, ontimeout="end", next="end"),
        label("ended"),
        reply("200 OK", next="end"),
        label("refused"),
        say("ACK", 1, same),
        label("end"),
        "<nop/>\n",
    ]
    return document("caller", "".join(parts))
