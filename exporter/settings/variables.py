"""Environment variables that are meant as settings, but are none."""

from __future__ import annotations

from collections.abc import Mapping

from exporter.settings.kinds import PREFIX
from exporter.settings.messages import nearest
from exporter.settings.models import COMMANDS, settings_of
from exporter.settings.names import variable


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str | None]:
    """Return the variables with our prefix that are no setting, each with the most similar one.

    The settings of every command are known, so that commands can share an environment. The
    variables that Kubernetes sets for a service whose name begins with `xivo-exporter` are known.
    """
    names = {name for model in COMMANDS.values() for name in settings_of(model)}
    settings = {variable(name).removeprefix(PREFIX) for name in ("config", *names)}
    found: dict[str, str | None] = {}
    for name in sorted(environment.keys() - _of_services(environment)):
        rest = name.removeprefix(PREFIX)
        if rest != name and rest not in settings:
            similar = nearest(rest, sorted(settings))
            found[name] = similar and PREFIX + similar
    return found


def _of_services(environment: Mapping[str, str]) -> set[str]:
    """Find what Kubernetes sets: for each NAME_SERVICE_HOST also NAME_PORT and others."""
    services = [name.removesuffix(_HOST) for name in environment if name.endswith(_HOST)]
    fixed = {service + end for service in services for end in (_HOST, "_SERVICE_PORT", "_PORT")}
    begins = tuple(
        service + middle for service in services for middle in ("_SERVICE_PORT_", "_PORT_")
    )
    return fixed | {name for name in environment if name.startswith(begins)}


_HOST = "_SERVICE_HOST"
