"""The man page, and the completion of bash and zsh, made from the command line.

`python -m scripts.shell_pages DIRECTORY` writes them, in the folders of Debian's `/usr/share`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile

import shtab
from argparse_manpage.manpage import Manpage

from exporter import __version__
from exporter.commands.command_line import make_parser

_ABOUT = "Prometheus exporter for XiVO and Wazo telephony servers"

_SECTIONS = r"""[SETTINGS]
Every flag can also be an environment variable, such as XIVO_EXPORTER_LOG_LEVEL, or a line of the
TOML file that \-\-config names, such as log_level = "debug". Flags override variables, and
variables override the file. Passwords have no flag, because every user of a machine can read the
command lines of its processes.

[FILES]
.TP
.I /etc/xivo\-exporter/config.toml
Settings of the service: every setting, with its meaning and its default.
.TP
.I /usr/share/xivo\-exporter/config.schema.json
The schema by which editors check this file.
.TP
.I /var/lib/xivo\-exporter
State that the service keeps over restarts.

[EXIT STATUS]
.TP
.B 0
The command has done what it should, or was told to stop.
.TP
.B 1
It has failed, or cannot serve.
.TP
.B 2
A setting is wrong; standard error shows which.

[SIGNALS]
At SIGHUP, run reads its settings again. SIGTERM and SIGINT end it within five seconds.

[SEE ALSO]
.BR systemctl (1),
.BR journalctl (1),
.BR prometheus (1)
"""

# By the placeholder of an argument.
_COMPLETIONS = {"FILE": shtab.FILE, "DIRECTORY": shtab.DIRECTORY}


def man_page() -> str:
    """Return the page, in the language of man."""
    parser = make_parser()
    examples, parser.epilog = parser.epilog, None
    with NamedTemporaryFile("w", encoding="utf-8") as sections:
        # Lines as they are, without the heading.
        lines = "\n".join(str(examples).splitlines()[1:]).replace("-", r"\-")
        sections.write(f"{_SECTIONS}\n[EXAMPLES]\n.nf\n{lines}\n.fi\n")
        sections.flush()
        data = {
            "project_name": "xivo-exporter",
            "version": __version__,
            "description": _ABOUT,
            "manual_title": "User Commands",
            "include": sections.name,
        }
        return str(Manpage(parser, data, format="single-commands-section"))


def completion(shell: str) -> str:
    """Return the completion of a shell: `bash` or `zsh`."""
    parser = make_parser()
    for action in _actions(parser):
        if completed := _COMPLETIONS.get(str(action.metavar)):
            action.complete = completed  # type: ignore[attr-defined]  # where shtab looks for it
    return str(shtab.complete(parser, shell))


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    found = []
    for action in parser._actions:  # noqa: SLF001 -- argparse has no other way to list them
        found.append(action)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 -- as above
            for command in action.choices.values():
                found += _actions(command)
    return found


def main(directory: str) -> None:
    """Write all files below a directory."""
    pages = {
        "man/man1/xivo-exporter.1": man_page(),
        "bash-completion/completions/xivo-exporter": completion("bash"),
        "zsh/vendor-completions/_xivo-exporter": completion("zsh"),
    }
    for path, text in pages.items():
        file = Path(directory, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
