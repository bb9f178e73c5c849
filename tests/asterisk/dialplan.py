"""Where callers of the tests' Asterisk go.

Each arrival at a queue raises a UserEvent `Queue`, as on XiVO and Wazo.
"""

from __future__ import annotations

from tests.asterisk.queues import QUEUES

TENANT = "7d1f5b4e-0000-4000-8000-00000000beef"

# A caller's number is the number of the call; a plan for the phones comes with it.
_CALLERS = """\
[callers]
exten => _[789]XX,1,Set(__PLAN=${{PJSIP_HEADER(read,X-Plan)}})
 same => n,Set(__WAZO_TENANT_UUID={tenant})
 same => n,Set(__WAZO_CONVERSATION_DIRECTION=inbound)
 same => n,ExecIf($["${{EXTEN:0:1}}" != "7"]?Answer())
 same => n,ExecIf($["${{EXTEN:0:1}}" = "9"]?Set(AGAIN=1))
 same => n,Goto(queue,8${{EXTEN:1}},1)
exten => i,1,Hangup(1)

[phones]
exten => _8XX,1,Set(__PLAN=${{PJSIP_HEADER(read,X-Then)}})
 same => n,Goto(queue,${{EXTEN}},1)
exten => _6X,1,Set(PLAN=after2 talk3:after2 talk3)
 same => n,ExecIf($["${{CHANNEL(channeltype)}}" = "PJSIP"]?Set(PLAN=${{PJSIP_HEADER(read,X-Then)}}))
 same => n,Dial(PJSIP/phone${{EXTEN:1}},20,b(header^s^1))
 same => n,Hangup()

[queue]
"""

_QUEUE_DIALPLAN = """\
exten => {exten},1,Set(XIVO_DSTID={id})
 same => n,UserEvent(Queue,XIVO_USERUUID: ,XIVO_DSTID: {id},CHANNEL: ${{CHANNEL}})
 same => n(again),Queue({name},{options},,,{timeout}{gosub})
 same => n,Set(SAME=${{QUEUESTATUS}}${{AGAIN}})
 same => n,Set(AGAIN=0)
 same => n,GotoIf($["${{SAME}}" = "TIMEOUT1"]?again)
 same => n,{then}
"""

_REST = """\
[keys]
exten => 1,1,Wait(1)
 same => n,Hangup()

[elsewhere]
exten => s,1,Answer()
 same => n,Wait(2)
 same => n,Hangup()

[slow]
exten => s,1,Wait(3)
 same => n,Return()

[agentcallback]
exten => _id-X,1,Dial(PJSIP/phone${EXTEN:3},,b(header^s^1))
 same => n,Hangup()

[header]
exten => s,1,Set(ORDER=$[${CHANNEL(name):11:1} % 2 + 1])
 same => n,Set(PJSIP_HEADER(add,X-Plan)=${CUT(PLAN,:,${ORDER})})
 same => n,Return()
"""


def dialplan() -> str:
    """Return extensions.conf."""
    parts = [_CALLERS.format(tenant=TENANT)]
    extens = {queue.name: queue.exten for queue in QUEUES}
    for number, queue in enumerate(QUEUES, 1):
        onward = f"Goto({extens[queue.overflow]},1)" if queue.overflow else "Hangup()"
        parts.append(
            _QUEUE_DIALPLAN.format(
                exten=queue.exten,
                id=number,
                name=queue.name,
                options="b(header^s^1)" if queue.static else "",
                timeout=queue.timeout,
                gosub=f",,{queue.gosub}" if queue.gosub else "",
                then=onward,
            )
        )
    return "\n".join([*parts, _REST])
