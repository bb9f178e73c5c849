"""The man page, and the completion of bash and zsh, made from the command line.

`python -m scripts.shell_pages DIRECTORY` writes them, in the folders of Debian's `/usr/share`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import shtab

from exporter import __version__
from exporter.commands.command_line import make_parser

_ABOUT = "Prometheus exporter for XiVO and Wazo telephony servers"

_SECTIONS = r"""\
.SH SETTINGS
Every flag can also be an environment variable, such as XIVO_EXPORTER_LOG_LEVEL, or a line of the
TOML file that \-\-config names, such as log_level = "debug". Flags override variables, and
variables override the file. Passwords have no flag, because every user of a machine can read the
command lines of its processes.
.SH FILES
.TP
.I /etc/xivo\-exporter/config.toml
Settings of the service: every setting, with its meaning and its default.
.TP
.I /usr/share/xivo\-exporter/config.schema.json
The schema by which editors check this file.
.TP
.I /var/lib/xivo\-exporter
State that the service keeps over restarts.
.SH EXIT STATUS
.TP
.B 0
The command has done what it should, or was told to stop.
.TP
.B 1
It has failed, or cannot serve; or check has found a problem.
.TP
.B 2
A setting is wrong; standard error shows which.
.SH SIGNALS
At SIGHUP, run reads its settings again. SIGTERM and SIGINT end it within five seconds.
"""

# By the placeholder of an argument.
_COMPLETIONS = {"FILE": shtab.FILE, "DIRECTORY": shtab.DIRECTORY}


def man_page() -> str:
    """Return the page, in the language of man."""
    parser = make_parser()
    commands = _commands(parser)
    # Lines as they are, without the heading.
    examples = (parser.epilog or "").splitlines()[1:]
    lines = [
        f'.TH XIVO\\-EXPORTER 1 "" "xivo\\-exporter {__version__}" "User Commands"',
        f".SH NAME\nxivo\\-exporter \\- {_ABOUT}",
        ".SH SYNOPSIS\n.nf",
        *(_roff(each.usage or "") for each in commands),
        "xivo\\-exporter \\-\\-version\n.fi",
        f".SH DESCRIPTION\n{_roff(parser.description or '')}",
        *(line for each in commands for line in _of_command(each)),
        f"{_SECTIONS}.SH EXAMPLES\n.nf",
        *map(_roff, examples),
        ".fi\n.SH SEE ALSO\n.BR systemctl (1),\n.BR journalctl (1),\n.BR prometheus (1)\n",
    ]
    return "\n".join(lines)


def _of_command(command: argparse.ArgumentParser) -> Iterator[str]:
    name = command.prog.rpartition(" ")[2]
    yield f".SH {name.upper()}\n{_roff(command.description or '')}"
    for action in command._actions:  # noqa: SLF001 -- argparse has no other way to list them
        if action.dest != "help":
            value = action.metavar or "|".join(action.choices or ())
            values = "" if action.nargs == 0 else f"\\fI{_roff(str(value))}\\fR"
            flags = [f"\\fB{_roff(each)}\\fR" for each in action.option_strings]
            text = (action.help or "").replace("%%", "%")
            yield f".TP\n{' '.join([', '.join(flags), values]).strip()}\n{_roff(text)}"


def _roff(text: str) -> str:
    """Return a text with the signs of man's language escaped."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped


def completion(shell: str) -> str:
    """Return the completion of a shell: `bash` or `zsh`."""
    parser = make_parser()
    for action in (each for command in _commands(parser) for each in command._actions):  # noqa: SLF001 -- as above
        if completed := _COMPLETIONS.get(str(action.metavar)):
            action.complete = completed  # type: ignore[attr-defined]  # where shtab looks for it
    return str(shtab.complete(parser, shell))


def _commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    (commands,) = (
        action
        for action in parser._actions  # noqa: SLF001 -- argparse has no other way to list them
        if isinstance(action, argparse._SubParsersAction)  # noqa: SLF001 -- as above
    )
    return list(commands.choices.values())


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
