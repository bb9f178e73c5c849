"""What to do when the exporter cannot listen on its address."""

from __future__ import annotations

import errno

from exporter.settings import spelled

_NOT_OURS = "choose an address of this machine, or 0.0.0.0 for all"

_ADVICE = {
    errno.EADDRINUSE: "stop the program that uses this port, or choose another port",
    errno.EADDRNOTAVAIL: _NOT_OURS,
    errno.EAFNOSUPPORT: _NOT_OURS,
    errno.EACCES: "choose a port from 1024 on, because lower ones need special rights",
}


def listen_problem(error: OSError) -> OSError:
    """Return the error of the web server with the name of the setting, and with advice."""
    advice = _ADVICE.get(error.errno or 0)
    text = f"{spelled('listen')}: {error.strerror}{f'; {advice}' if advice else ''}"
    return OSError(error.errno, text)
