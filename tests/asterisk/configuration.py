"""The configuration of the tests' Asterisk: what it loads, whom it lets in, its phones.

The shapes are those of a Wazo: agents are members `Local/id-N@agentcallback` whose state is that of
`PJSIP/phoneN`, and a group has static members.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.asterisk.dialplan import dialplan
from tests.asterisk.queues import QUEUES

PHONES = 8
"""phone1 to phone6 are of agents, the others of the group."""

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


def write(home: Path, modules: Path, *, ami_port: int, sip_port: int, secret: str) -> None:
    """Write all files.

    Args:
        home: Folder of the server; gets folders of etc, lib, spool, run and log.
        modules: Folder of Asterisk's modules.
        ami_port: TCP port of the manager interface.
        sip_port: UDP port of SIP.
        secret: Password of the users `amid`, `driver` and `observer`.
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
        "queues": queues({}),
        "extensions": dialplan(),
        # Without a range of its own, RTP might take a port of another test's server.
        "rtp": "[general]\nrtpstart = 17000\nrtpend = 19998\nstrictrtp = no\n",
        "cdr": "[general]\nenable = no\n",
        **dict.fromkeys(_EMPTY, ""),
    }
    for name, text in files.items():
        (home / "etc" / f"{name}.conf").write_text(text)


def queues(static: Mapping[str, tuple[str, ...]]) -> str:
    """Return queues.conf.

    Args:
        static: Members of the configuration, by name of a queue that has other ones than usual.
    """
    parts = ["[general]\npersistentmembers = yes\nautofill = yes\nmonitor-type = MixMonitor\n"]
    for queue in QUEUES:
        lines = {"retry": "2", "ringinuse": "no", **queue.settings}
        parts.append(f"[{queue.name}]\n")
        parts += [f"{key} = {value}\n" for key, value in lines.items()]
        parts += [f"member => {each}\n" for each in static.get(queue.name, queue.static)]
    return "".join(parts)
