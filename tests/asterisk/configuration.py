"""The configuration of the tests' Asterisk: queues, phones, and where callers go.

Names, numbers and addresses are invented. The shapes are those of a Wazo: agents are members
`Local/id-N@agentcallback` whose state is that of `PJSIP/phoneN`, a group has static members, and
each arrival at a queue raises a UserEvent `Queue`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

PHONES = 8
"""phone1 to phone6 are of agents, the others of the group."""

TENANT = "7d1f5b4e-0000-4000-8000-00000000beef"


@dataclass(frozen=True)
class Queue:
    """A queue of the server.

    Attributes:
        name: Its technical name.
        exten: The number of the queue; callers are answered first. With `7` instead of the first
            digit they are not, so that they can send a CANCEL; with `9` they wait twice.
        settings: Of queues.conf.
        timeout: Seconds after which the dialplan goes on.
        overflow: The queue to which it goes then.
        agents: Numbers of the agents that log in to it.
        static: Members of the configuration.
    """

    name: str
    exten: str
    settings: dict[str, str]
    timeout: int = 60
    overflow: str = ""
    agents: tuple[int, ...] = ()
    static: tuple[str, ...] = field(default=())


QUEUES = (
    Queue(
        "support",
        "801",
        {"strategy": "ringall", "timeout": "12", "servicelevel": "10", "context": "keys"},
        agents=(1, 2, 3),
    ),
    Queue(
        "ventes",
        "802",
        {"strategy": "rrmemory", "timeout": "6", "wrapuptime": "5", "context": "keys"},
        agents=(1, 2, 4),
    ),
    Queue(
        "urgence",
        "803",
        {"strategy": "leastrecent", "timeout": "6", "autopause": "yes", "retry": "1"},
        timeout=30,
        agents=(3, 4),
    ),
    Queue(
        "hotline",
        "804",
        {"strategy": "linear", "timeout": "5", "retry": "1"},
        timeout=9,
        overflow="ventes",
        agents=(5, 6),
    ),
    Queue(
        "reserve",
        "805",
        {
            "strategy": "ringall",
            "timeout": "6",
            "joinempty": "paused,unavailable,invalid,unknown",
            "leavewhenempty": "paused,unavailable,invalid,unknown",
        },
        agents=(5, 6),
    ),
    Queue("petite", "806", {"strategy": "ringall", "timeout": "8", "maxlen": "2"}, agents=(6,)),
    Queue(
        "grp-acme-1",
        "807",
        {"strategy": "ringall", "timeout": "10", "ringinuse": "yes"},
        timeout=25,
        static=("PJSIP/phone7", "PJSIP/phone8"),
    ),
)

_MODULES = (
    *("app_cdr", "app_dial", "app_exec", "app_queue", "app_stack", "app_userevent"),
    *("app_verbose", "bridge_builtin_features", "bridge_holding", "bridge_native_rtp"),
    *("bridge_simple", "bridge_softmix", "chan_pjsip", "codec_a_mu", "codec_alaw"),
    *("codec_ulaw", "format_pcm", "func_callerid", "func_channel", "func_cut", "func_db"),
    *("func_devstate", "func_dialplan", "func_global", "func_logic", "func_math"),
    *("func_strings", "func_timeout", "pbx_config", "res_clialiases"),
    *("res_format_attr_celt", "res_manager_devicestate", "res_musiconhold", "res_pjproject"),
    *("res_pjsip", "res_pjsip_authenticator_digest", "res_pjsip_caller_id"),
    *("res_pjsip_dtmf_info", "res_pjsip_endpoint_identifier_user", "res_pjsip_header_funcs"),
    *("res_pjsip_messaging", "res_pjsip_nat", "res_pjsip_notify", "res_pjsip_path"),
    *("res_pjsip_pubsub", "res_pjsip_refer", "res_pjsip_registrar", "res_pjsip_rfc3326"),
    *("res_pjsip_sdp_rtp", "res_pjsip_session", "res_rtp_asterisk", "res_sorcery_astdb"),
    *("res_sorcery_config", "res_sorcery_memory", "res_timing_timerfd"),
)

# Files without which Asterisk warns.
_EMPTY = (
    *("acl", "ccss", "cel", "cli_aliases", "features", "indications", "musiconhold"),
    *("pjproject", "pjsip_notify", "queuerules", "udptl"),
)

# What Wazo's channelvars put into the events of channels.
_CHANNEL_VARIABLES = "WAZO_TENANT_UUID,WAZO_USERUUID,WAZO_LINE_ID,WAZO_CONVERSATION_DIRECTION"

# Classes of Wazo's user for amid; three events are filtered out as there.
_MANAGER = """\
[general]
enabled = yes
bindaddr = 127.0.0.1
port = {ami_port}
channelvars = {variables}

[amid]
secret = {secret}
read = system,call,agent,user,config,dialplan,dtmf
write = system,call,agent,user,config,dialplan,command
eventfilter = !Event: VarSet
eventfilter = !Event: Newexten
eventfilter = !Event: ExtensionStatus
writetimeout = 5000

[driver]
secret = {secret}
read = agent,call
write = system,call,agent,user,config,dialplan,command,originate,reporting
writetimeout = 5000

[observer]
secret = {secret}
read =
write = system,call,agent,reporting,command
writetimeout = 5000
"""

_ASTERISK = """\
[directories]
astetcdir => {home}/etc
astmoddir => {modules}
astvarlibdir => {home}/lib
astdbdir => {home}/lib
astkeydir => {home}/lib
astdatadir => /usr/share/asterisk
astagidir => {home}/lib
astspooldir => {home}/spool
astrundir => {home}/run
astlogdir => {home}/log
astsbindir => /usr/sbin

[options]
documentation_language = en_US
hideconnect = yes
nocolor = yes
"""

_ENDPOINT = """\
[{name}]
type = endpoint
context = {context}
disallow = all
allow = ulaw
direct_media = no
send_connected_line = no
trust_id_inbound = yes
dtmf_mode = rfc4733
media_address = 127.0.0.1
bind_rtp_to_media_address = yes
aors = {name}
{more}

[{name}]
type = aor
max_contacts = 1
remove_existing = yes
qualify_frequency = 0
"""

VANISH_SECONDS = 4
"""Seconds without media after which a caller of the endpoint `mobile` is hung up."""

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
exten => _6X,1,Set(PLAN=${{PJSIP_HEADER(read,X-Then)}})
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


def write(  # noqa: PLR0913 -- what the files need to know
    home: Path, modules: Path, *, ami_port: int, sip_port: int, secret: str, gosub: str = ""
) -> None:
    """Write all files.

    Args:
        home: Folder of the server; gets folders of etc, lib, spool, run and log.
        modules: Folder of Asterisk's modules.
        ami_port: TCP port of the manager interface.
        sip_port: UDP port of SIP.
        secret: Password of the users `amid`, `driver` and `observer`.
        gosub: A context that runs on the phone of a member before he is connected.
    """
    for name in ("etc", "lib", "spool", "run", "log"):
        (home / name).mkdir()
    endpoints = [
        _ENDPOINT.format(name=f"phone{number}", context="phones", more="")
        for number in range(1, PHONES + 1)
    ]
    mobile = f"rtp_timeout = {VANISH_SECONDS}"
    endpoints += [
        _ENDPOINT.format(name="trunk", context="callers", more=""),
        _ENDPOINT.format(name="mobile", context="callers", more=mobile),
    ]
    transport = f"[udp]\ntype = transport\nprotocol = udp\nbind = 127.0.0.1:{sip_port}\n\n"
    files = {
        "asterisk": _ASTERISK.format(home=home, modules=modules),
        "modules": "[modules]\nautoload = no\n" + "".join(f"load = {m}.so\n" for m in _MODULES),
        "manager": _MANAGER.format(ami_port=ami_port, secret=secret, variables=_CHANNEL_VARIABLES),
        "logger": "[general]\nqueue_log = yes\nqueue_log_to_file = yes\n"
        "[logfiles]\nmessages => notice,warning,error\n",
        "pjsip": "[global]\ntype = global\nuser_agent = tests\n\n"
        + transport
        + "\n".join(endpoints),
        "queues": _queues(),
        "extensions": _dialplan(gosub),
        # Without a range of its own, RTP might take a port of another test's server.
        "rtp": "[general]\nrtpstart = 17000\nrtpend = 19998\nstrictrtp = no\n",
        "cdr": "[general]\nenable = no\n",
        **dict.fromkeys(_EMPTY, ""),
    }
    for name, text in files.items():
        (home / "etc" / f"{name}.conf").write_text(text)


def _queues() -> str:
    parts = ["[general]\npersistentmembers = yes\nautofill = yes\nmonitor-type = MixMonitor\n"]
    for queue in QUEUES:
        lines = {"retry": "2", "ringinuse": "no", **queue.settings}
        parts.append(f"[{queue.name}]\n")
        parts += [f"{key} = {value}\n" for key, value in lines.items()]
        parts += [f"member => {each}\n" for each in queue.static]
    return "".join(parts)


def _dialplan(gosub: str) -> str:
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
                gosub=f",,{gosub}" if gosub else "",
                then=onward,
            )
        )
    return "\n".join([*parts, _REST])
