"""One RabbitMQ node with its own ports, files, cookie and epmd, and the faults it can suffer."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.certificates import Certificates
from tests.roots import default_queue_type, entering, rabbitmq_root
from tests.support import ProcessGroup, eventually, free_port, is_frozen, listens

INSTALL = "apt-get install rabbitmq-server (the tests start a private node, not the system's)"

# Debian's wrappers in /usr/sbin would set HOME back to the system node's.
_FOLDERS = (Path("/usr/lib/rabbitmq/bin"), Path("/opt/rabbitmq/sbin"))

# A run of rabbitmqctl starts a node of its own for each question. This answers them within the
# broker, behind a socket that only its own account and root can reach.
_CONSOLE = """
Answer = fun(Text) ->
    try
        {ok, Tokens, _} = erl_scan:string(unicode:characters_to_list(Text)),
        {ok, Expressions} = erl_parse:parse_exprs(Tokens),
        case erl_eval:exprs(Expressions, []) of
            {value, Value, _} when is_binary(Value) -> ["+", Value];
            {value, Value, _} -> unicode:characters_to_binary(io_lib:format("+~0tp", [Value]))
        end
    catch
        _:Reason -> unicode:characters_to_binary(io_lib:format("-~0tp", [Reason]))
    end
end,
Serve = fun Serve(Listener) ->
    {ok, Client} = gen_tcp:accept(Listener),
    case gen_tcp:recv(Client, 0) of
        {ok, Text} -> gen_tcp:send(Client, Answer(Text));
        _ -> gone
    end,
    gen_tcp:close(Client),
    Serve(Listener)
end,
spawn(fun() ->
    file:delete("%(socket)s"),
    {ok, Listener} = gen_tcp:listen(0, [
        {ifaddr, {local, "%(socket)s"}}, binary, {packet, 4}, {active, false}
    ]),
    Serve(Listener)
end).
"""


def find_rabbitmq() -> Path | None:
    """Return the folder of rabbitmq-server and rabbitmqctl, None where it is not installed."""
    root = rabbitmq_root()
    if root is not None:
        return _FOLDERS[0] if (root / _FOLDERS[0].relative_to("/")).exists() else None
    on_path = shutil.which("rabbitmq-server")
    folders = [*_FOLDERS, *([Path(on_path).resolve().parent] if on_path else [])]
    if shutil.which("epmd") is None:
        return None
    return next((folder for folder in folders if (folder / "rabbitmqctl").exists()), None)


class RabbitNode:
    """A node on loopback; what is durable in it survives `stop` and `kill`.

    As root it runs as the user `rabbitmq`, else as ourselves. `close` it, or use it as a context
    manager: that ends all its processes and removes its files.
    """

    def __init__(
        self, *, tls: Certificates | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        """Prepare the files.

        Args:
            tls: Certificates for an AMQPS listener, which asks for a client certificate but
                goes without.
            settings: Further lines of rabbitmq.conf, such as `heartbeat`.
        """
        folder = find_rabbitmq()
        assert folder is not None, f"rabbitmq-server is not installed: {INSTALL}"
        self._binaries = folder
        self.port, self.tls_port = free_port(), free_port() if tls else None
        self._dist_port, self._epmd_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None
        # Not below pytest's own folder, which the user rabbitmq may not enter.
        self._home = Path(tempfile.mkdtemp(prefix="private-rabbitmq-"))
        self._console = self._home / "console"
        self._account = _account()
        self._write_files(tls, settings or {})
        root = rabbitmq_root()
        self._entering = entering(root, self._account, self._home)
        # What enters a root changes its user there.
        self._starter = self._account if root is None else None
        self._group = ProcessGroup(self._home, self._starter)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, timeout: float = 60) -> None:
        """Start the node, or start it again on the same ports with what it had stored."""
        assert not self.running, "the broker runs already"
        if self._epmd is None:
            # Ours, since the daemon that erl would start leaves every process group.
            self._epmd = self._spawn(["epmd", "-port", str(self._epmd_port)])
            eventually(lambda: listens(self._epmd_port), what="epmd listens")
        process = self._spawn([self._binaries / "rabbitmq-server"])
        self._process = process
        eventually(
            # The port opens when everything behind it is up.
            lambda: listens(self.port) or process.poll() is not None,
            timeout=timeout,
            what=lambda: f"RabbitMQ accepts connections; its log ends\n{self.log()[-3000:]}",
        )
        assert process.poll() is None, f"RabbitMQ did not start; its log ends\n{self.log()[-3000:]}"
        if kind := default_queue_type():
            self.eval(kind)

    def stop(self, timeout: float = 60) -> None:
        """Shut the node down as its init system would; its files stay for the next `start`."""
        self.thaw()
        self._signal(signal.SIGTERM)
        self._reap(timeout)

    def kill(self) -> None:
        """Let the node die at once, as in a power cut."""
        self._signal(signal.SIGKILL)
        self._reap(timeout=30)

    def lose_disk(self) -> None:
        """Remove all that a node had stored that does not run."""
        assert not self.running, "the broker still runs"
        shutil.rmtree(self._home / "mnesia")

    def freeze(self) -> None:
        """Stop the node in its tracks: the kernel still acknowledges TCP, nobody answers."""
        process = self._signal(signal.SIGSTOP)
        eventually(lambda: is_frozen(process), what="the broker is frozen")

    def thaw(self) -> None:
        """Let a frozen node go on; one that is not frozen does not notice."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End all processes of this node, whatever their condition, and remove its files."""
        self._group.close()
        self._process = None
        shutil.rmtree(self._home, ignore_errors=True)

    @property
    def running(self) -> bool:
        """Whether the node's process lives, frozen or not."""
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """Return all that the node has logged."""
        return (self._home / "output").read_text(errors="replace")

    def eval(self, expressions: str, timeout: float = 60) -> str:
        """Let the node evaluate Erlang; return a binary as it is, and any other term as a term."""
        question = expressions.encode()
        with socket.socket(socket.AF_UNIX) as console:
            console.settimeout(timeout)
            # The console opens when the ports do, or a moment later.
            eventually(
                lambda: not console.connect_ex(f"{self._console}"), what="the console listens"
            )
            console.sendall(struct.pack(">I", len(question)) + question)
            with console.makefile("rb") as answers:
                (size,) = struct.unpack(">I", answers.read(4))
                answer = answers.read(size).decode()
        assert answer.startswith("+"), f"{expressions}: {answer}"
        return answer[1:]

    def ctl(self, *arguments: str, timeout: float = 60) -> str:
        """Run rabbitmqctl, where it is what the documents tell; it costs half a second of CPU."""
        user, group = self._starter or (None, None)
        done = subprocess.run(
            [*self._entering, self._binaries / "rabbitmqctl", "--quiet", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=self._environment(),
            cwd=self._home,
            user=user,
            group=group,
            extra_groups=None if self._starter is None else [],
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"rabbitmqctl {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def _write_files(self, tls: Certificates | None, settings: Mapping[str, str]) -> None:
        home = self._home
        lines = {
            "listeners.tcp.1": f"127.0.0.1:{self.port}",
            # A disk that is nearly full would block every publisher.
            "disk_free_limit.absolute": "1MB",
        }
        if tls is not None:
            for source in (tls.ca, tls.server, tls.server_key):
                shutil.copy(source, home)
            lines |= {
                "listeners.ssl.1": f"127.0.0.1:{self.tls_port}",
                "ssl_options.cacertfile": f"{home / tls.ca.name}",
                "ssl_options.certfile": f"{home / tls.server.name}",
                "ssl_options.keyfile": f"{home / tls.server_key.name}",
                "ssl_options.verify": "verify_peer",
                "ssl_options.fail_if_no_peer_cert": "false",
            }
        lines |= settings
        (home / "rabbitmq.conf").write_text("".join(f"{k} = {v}\n" for k, v in lines.items()))
        (home / "enabled_plugins").write_text("[].\n")
        (home / "rabbitmq-env.conf").touch()
        (home / "console.erl").write_text(_CONSOLE % {"socket": self._console})
        cookie = home / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(20))
        cookie.chmod(0o600)
        if self._account is not None:
            for path in (home, *home.iterdir()):
                os.chown(path, *self._account)

    def _environment(self) -> dict[str, str]:
        home = self._home
        # Loopback only, and no epmd but the one started here.
        private = "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"
        # The script splits it at spaces.
        console = f'file:eval("{home}/console.erl")'
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": f"{home}",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": f"{self._epmd_port}",
            "RABBITMQ_NODENAME": "tests@localhost",
            "RABBITMQ_DIST_PORT": f"{self._dist_port}",
            "RABBITMQ_CONFIG_FILE": f"{home / 'rabbitmq.conf'}",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{home / 'advanced.config'}",
            "RABBITMQ_CONF_ENV_FILE": f"{home / 'rabbitmq-env.conf'}",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home / 'enabled_plugins'}",
            "RABBITMQ_MNESIA_BASE": f"{home / 'mnesia'}",
            "RABBITMQ_LOG_BASE": f"{home / 'log'}",
            "RABBITMQ_LOGS": "-",
            # Two schedulers are enough, and start faster than one for each core.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{private} +S 2:2 -eval {console}",
            "RABBITMQ_CTL_ERL_ARGS": f"{private} +S 1:1",
            # The script then becomes the node instead of its parent, so signals meet the node.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _spawn(self, arguments: Sequence[str | Path]) -> subprocess.Popen[bytes]:
        output = self._home / "output"
        command = [*self._entering, *arguments]
        return self._group.spawn(command, env=self._environment(), stdout=output)

    def _signal(self, number: signal.Signals) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the broker was not started"
        self._process.send_signal(number)
        return self._process

    def _reap(self, timeout: float) -> None:
        assert self._process is not None, "the broker was not started"
        self._process.wait(timeout)
        self._process = None


def _account() -> tuple[int, int] | None:
    """Return the user and group to run as, None for ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("rabbitmq")
    except KeyError:
        return None
    return entry.pw_uid, entry.pw_gid
