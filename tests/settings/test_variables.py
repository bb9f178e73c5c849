"""Environment variables that are meant as settings, but are none."""

import pytest

from exporter.settings import COMMANDS, settings_of, variable
from exporter.settings.variables import unknown_variables

SECRET = "s3cr3t-p4ss"

pytestmark = pytest.mark.usefixtures("no_settings_of_the_developer")


@pytest.mark.parametrize(
    ("name", "similar"),
    [
        ("XIVO_EXPORTER_BUS_URI", "XIVO_EXPORTER_BUS_URL"),
        ("XIVO_EXPORTER_BUS_PASWORD", "XIVO_EXPORTER_BUS_PASSWORD"),
        ("XIVO_EXPORTER_AGENT", "XIVO_EXPORTER_AGENTS"),
        ("XIVO_EXPORTER_COLOUR", None),
        ("XIVO_EXPORTER_", None),
        ("XIVO_EXPORTER_HOST", None),
    ],
)
def test_an_unknown_variable_is_found_with_the_nearest_setting(
    name: str, similar: str | None
) -> None:
    assert unknown_variables({name: SECRET, "PATH": "/bin", "xivo_exporter_x": ""}) == {
        name: similar
    }


def test_the_settings_of_every_command_are_known() -> None:
    names = {"config", *(name for model in COMMANDS.values() for name in settings_of(model))}
    assert unknown_variables({variable(name): "" for name in names}) == {}


def test_what_kubernetes_sets_for_a_service_of_our_name_is_known() -> None:
    one = {
        "XIVO_EXPORTER_SERVICE_HOST": "10.0.0.1",
        "XIVO_EXPORTER_SERVICE_PORT": "10495",
        "XIVO_EXPORTER_SERVICE_PORT_HTTP": "10495",
        "XIVO_EXPORTER_PORT": "tcp://10.0.0.1:10495",
        "XIVO_EXPORTER_PORT_10495_TCP": "tcp://10.0.0.1:10495",
        "XIVO_EXPORTER_PORT_10495_TCP_ADDR": "10.0.0.1",
    }
    two = {name.replace("EXPORTER", "EXPORTER_PEERS"): value for name, value in one.items()}
    assert unknown_variables({**one, **two}) == {}
    assert unknown_variables({**one, "XIVO_EXPORTER_PORTS": "1"}).keys() == {"XIVO_EXPORTER_PORTS"}
