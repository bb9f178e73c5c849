"""The settings of a server's APIs: what is accepted, and what is said of everything else."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.listings import ALL, Source
from exporter.settings import BusSettings, Settings, SettingsError, load
from exporter.settings.api_url import SERVICES, parse_api_services, parse_api_url

SECRET = "s3cr3t-p4ss"
URL = "https://wazo.example.com/api"
USER = {"api_username": "exporter", "api_password": SECRET}

pytestmark = pytest.mark.usefixtures("no_settings_of_the_developer")


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The path of a file with a secret."""
    path = tmp_path / "file"
    path.write_text(SECRET)
    return str(path)


def bus(**settings: object) -> BusSettings:
    (loaded,) = load(Settings, {}, settings).buses
    (same,) = load(Settings, {}, {"buses": [settings]}).buses
    assert loaded == same
    assert SECRET not in f"{loaded} {loaded!r}"
    return loaded


def problems(**settings: object) -> list[str]:
    """Return what is wrong with a single bus, and check that a table says the same."""
    told: list[list[str]] = []
    for file in (settings, {"buses": [settings]}):
        with pytest.raises(SettingsError) as caught:
            load(Settings, {}, file)
        assert SECRET not in f"{caught.value} {caught.value!r}"
        assert caught.value.__context__ is None
        told.append(caught.value.problems)
    texts = [[problem.partition(": ")[2] for problem in each] for each in told]
    assert texts[0] == texts[1]
    return told[0]


def names(told: list[str]) -> list[str]:
    return [each.partition(" (")[0].removeprefix("--").replace("-", "_") for each in told]


def test_no_api_is_set_by_default() -> None:
    settings = bus()
    assert settings.api_sources == ()
    assert {settings.api_address(service) for service in SERVICES} == {None}
    assert settings.api_interval == 300


def test_a_url_is_the_base_of_all_apis() -> None:
    settings = bus(api_url=f"{URL}/", **USER)
    assert settings.api_sources == ALL
    for service in SERVICES:
        assert settings.api_address(service) == f"{URL}/{service}"


@pytest.mark.parametrize(
    "services",
    [
        "amid=https://pbx:9491/,  auth = http://127.0.0.1:9497",
        ["amid=https://pbx:9491", "auth=http://127.0.0.1:9497"],
        {"amid": "https://pbx:9491", "auth": "http://127.0.0.1:9497"},
    ],
)
def test_a_service_may_be_elsewhere_and_needs_no_base(services: object) -> None:
    alone = bus(api_services=services, **USER)
    assert alone.api_sources == (Source.AMID,)
    assert alone.api_address("amid") == "https://pbx:9491"
    assert alone.api_address("auth") == "http://127.0.0.1:9497"
    assert alone.api_address("chatd") is None
    both = bus(api_url=URL, api_services=services, **USER)
    assert both.api_sources == ALL
    assert both.api_address("amid") == "https://pbx:9491"
    assert both.api_address("chatd") == f"{URL}/chatd"


def test_the_password_of_a_single_bus_can_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XIVO_EXPORTER_API_URL", URL)
    monkeypatch.setenv("XIVO_EXPORTER_API_USERNAME", "exporter")
    monkeypatch.setenv("XIVO_EXPORTER_API_PASSWORD", SECRET)
    (settings,) = load(Settings, {}, {}).buses
    assert settings.api_password is not None
    assert settings.api_password.get_secret_value() == SECRET


@pytest.mark.parametrize("credentials", ["user and file", "key file"])
def test_credentials_can_be_files(file: str, credentials: str) -> None:
    if credentials == "key file":
        assert bus(api_url=URL, api_key_file=file).api_key_file == Path(file)
    else:
        settings = bus(api_url=URL, api_username="u", api_password_file=file)
        assert settings.api_password_file == Path(file)


@pytest.mark.parametrize(
    ("settings", "places"),
    [
        ({"api_url": URL}, ["api_username"]),
        ({"api_url": URL, "api_username": "u"}, ["api_password"]),
        ({"api_url": URL, "api_password": SECRET}, ["api_username"]),
        ({"api_url": URL, "api_password_file": "FILE"}, ["api_username"]),
        ({"api_url": URL, **USER, "api_password_file": "FILE"}, ["api_password"]),
        ({"api_url": URL, **USER, "api_key_file": "FILE"}, ["api_username"]),
        ({"api_url": URL, "api_username": "u", "api_key_file": "FILE"}, ["api_username"]),
        ({"api_url": URL, "api_password": SECRET, "api_key_file": "FILE"}, ["api_password"]),
        (
            {"api_url": URL, "api_password_file": "FILE", "api_key_file": "FILE"},
            ["api_password_file"],
        ),
        ({"api_key_file": "FILE"}, ["api_key_file"]),
        (
            {**USER, "api_ca_file": "FILE", "api_server_name": "h"},
            ["api_username", "api_password", "api_ca_file", "api_server_name"],
        ),
        (
            {"api_url": "http://[::1]:9", **USER, "api_ca_file": "FILE", "api_server_name": "h"},
            ["api_ca_file", "api_server_name"],
        ),
        ({"api_services": "amid=https://h", **USER}, ["api_services"]),
        ({"api_services": "auth=https://h", **USER}, ["api_services"]),
        # Only what is wrong: not also that there is no API, or no user.
        ({"api_url": f"https://{SECRET}", "api_username": ""}, ["api_username"]),
        ({"api_url": "nonsense", **USER, "api_server_name": "h"}, ["api_url"]),
        ({"api_url": URL, "api_key_file": f"/nowhere/{SECRET}"}, ["api_key_file"]),
        ({"api_url": URL, **USER, "api_username": "a:b"}, ["api_username"]),
        ({"api_url": URL, **USER, "api_username": "a\nb"}, ["api_username"]),
        ({"api_url": URL, **USER, "api_username": "u" * 5000}, ["api_username"]),
        ({"api_url": URL, "api_username": "u", "api_password": "p\0"}, ["api_password"]),
        ({"api_interval": 29}, ["api_interval"]),
        ({"api_interval": 86_401}, ["api_interval"]),
        # All at once.
        (
            {"api_url": "ftp://h", "api_services": "x=y", "api_interval": 1, "api_ca_file": "/no"},
            ["api_url", "api_services", "api_ca_file", "api_interval"],
        ),
    ],
)
def test_settings_that_contradict_each_other_are_told_once_each(
    file: str, settings: dict[str, object], places: list[str]
) -> None:
    given_ = {name: file if value == "FILE" else value for name, value in settings.items()}
    assert names(problems(**given_)) == places


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("wazo.example.com", "the scheme is missing or wrong; write https://host/api"),
        ("amqp://h", "the scheme is missing or wrong; write https://host/api"),
        ("", "the scheme is missing or wrong; write https://host/api"),
        ("https://", "the host is missing or wrong; write https://host/api"),
        ("https://a b", "the host is missing or wrong; write https://host/api"),
        ("https://h:99999", "the port must be a number from 1 to 65535"),
        ("https://::1/api", "an IPv6 address must be in brackets, as in https://[::1]:5672"),
        (f"https://u:{SECRET}@h", "must not contain a user or a password: set api_username and"),
        (f"https://h/{SECRET}@h", "must not contain a user or a password"),
        (f"https://h/api?x={SECRET}", "a query is not allowed"),
        (f"https://h/api#{SECRET}", "a fragment is not allowed"),
        ("https://h/a b", "the path contains a character that is not allowed"),
        ("https://h/a\nb", "the path contains a character that is not allowed"),
        ("http://h/api", "http:// is only allowed to 127.0.0.1, [::1] or localhost"),
        ("http://127.0.0.1.example.com", "http:// is only allowed to"),
        ("HTTP://localhost.", "http:// is only allowed to"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_and_not_quoted(url: str, says: str) -> None:
    [told] = problems(api_url=url, **USER)
    assert says in told
    [told] = problems(api_services={"auth": url, "amid": "https://h"}, **USER)
    assert f"auth: {says}".partition("must not")[0] in told or says in told


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9497", "http://[::1]:9497", "http://localhost/api", "https://[fe80::1]/a"],
)
def test_http_without_tls_is_allowed_on_the_machine_itself(url: str) -> None:
    assert parse_api_url(url) == url
    assert parse_api_url(f"{url.upper()}/").lower() == url.lower()


@pytest.mark.parametrize(
    ("services", "says"),
    [
        ("agend=https://h", "not 'agend'; did you mean agentd?"),
        ("ctid=https://h", "must be auth, amid, agentd, chatd, confd or calld, not 'ctid'"),
        (f"https://u:{SECRET}=@h", "the name of a service must be auth, amid, agentd, chatd, "),
        (SECRET, "must be pairs of name and URL, such as amid=https://pbx:9491,auth=https://"),
        ("", "must be pairs of name and URL"),
        ([7], "must be pairs of name and URL"),
        (7, "must be text, a list or a table"),
        ("amid=https://h,amid=https://i", "amid occurs twice"),
        (f"amid=https://{SECRET}:x", "amid: the port must be a number"),
    ],
)
def test_services_are_pairs_of_known_names_and_urls(services: object, says: str) -> None:
    [told] = problems(api_url=URL, api_services=services, **USER)
    assert says in told


@given(st.text())
def test_no_text_but_a_url_is_one_and_none_is_quoted(text: str) -> None:
    told = ""
    for parse in (
        lambda: parse_api_url(f"https://u:{SECRET}{text}@h"),
        lambda: parse_api_services(f"amid=https://u:{SECRET}{text}@h"),
        lambda: parse_api_services({f"{SECRET}{text}": text}),
    ):
        try:
            parse()
        except ValueError:
            told += traceback.format_exc()
    assert told.count("ValueError") >= 3
    assert SECRET not in told
