"""Servers from another root file system, and another default queue type, for tests/matrix."""

import os
from pathlib import Path

# Folder of a whole Debian system. It has our temporary files at the same paths.
ROOT = "XIVO_TESTS_RABBITMQ_ROOT"
QUEUE_TYPE = "XIVO_TESTS_QUEUE_TYPE"
ASTERISK_ROOT = "XIVO_TESTS_ASTERISK_ROOT"

Account = tuple[int, int]

# Metadata of the virtual host, which an administrator sets when the virtual host is made.
_SET_QUEUE_TYPE = """
case erlang:function_exported(rabbit_vhost, update_metadata, 3) of
    true -> rabbit_vhost:update_metadata(<<"%(vhost)s">>, %(metadata)s, <<"tests">>);
    false -> rabbit_misc:execute_mnesia_transaction(fun() ->
        rabbit_vhost:update_metadata(<<"%(vhost)s">>, fun(_) -> %(metadata)s end)
    end)
end.
"""


def rabbitmq_root() -> Path | None:
    """Return the root file system that has RabbitMQ, None for our own."""
    root = os.environ.get(ROOT)
    return Path(root) if root else None


def asterisk_root() -> Path:
    """Return the root file system that has Asterisk and sipp."""
    root = os.environ.get(ASTERISK_ROOT)
    assert root, "Asterisk is run by: make matrix ARGS='--only asterisk'"
    return Path(root)


def default_queue_type(vhost: str = "/", kind: str = "") -> str | None:
    """Return Erlang that sets the default queue type of a virtual host, None to leave it."""
    kind = kind or os.environ.get(QUEUE_TYPE, "")
    metadata = f'#{{tags => [], default_queue_type => <<"{kind}">>}}'
    return _SET_QUEUE_TYPE % {"vhost": vhost, "metadata": metadata} if kind else None


def entering(root: Path | None, account: Account | None, directory: Path) -> list[str]:
    """Return the beginning of a command that runs in a root, as an account, in a directory."""
    if root is None:
        return []
    # Only root can enter, so the user changes there; its number need not have a name.
    user = [] if account is None else [f"--userspec={account[0]}:{account[1]}", "--groups="]
    return ["chroot", *user, f"{root}", "env", f"--chdir={directory}"]
