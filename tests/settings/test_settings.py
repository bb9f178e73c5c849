"""The settings: what is accepted, what is not, and who wins."""

import traceback
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.subsystems import OPTIONAL, SUBSYSTEMS
from exporter.logs import LogFormat, LogLevel
from exporter.settings import (
    DETAILS,
    PREFIX,
    Demo,
    ExchangeType,
    Settings,
    SettingsError,
    load,
)
from exporter.settings.address import Address
from exporter.settings.bus_url import BusUrl, BusUrls
from exporter.settings.page import Page

SECRET = "s3cr3t-p4ss"


pytestmark = pytest.mark.usefixtures("no_settings_of_the_developer")


def _problems(**flags: object) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(Settings, flags, {})
    assert SECRET not in f"{caught.value} {caught.value!r}"
    return caught.value.problems


def test_the_defaults_are_those_of_the_documents() -> None:
    settings = load(Settings, {}, {})
    (url,) = settings.buses[0].url
    assert str(url) == "amqp://localhost:5672"
    assert (url.user, url.password) == ("guest", "guest")
    assert url.vhost == "/"
    assert settings.buses[0].exchange == "xivo"
    assert settings.listen == ("0.0.0.0", 10495)  # noqa: S104 -- the documented default
    assert settings.max_series == 10_000
    assert settings.details == frozenset()
    assert settings.inbox_expires == 1800
    assert not settings.buses[0].bind_all
    assert settings.instance
    assert (settings.log_level, settings.log_format) == (LogLevel.INFO, LogFormat.LOGFMT)
    assert load(Demo, {}, {}).listen == ("127.0.0.1", 10495)


def test_flags_win_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = {"exchange": "file", "instance": "file", "bus_name": "file"}
    monkeypatch.setenv("XIVO_EXPORTER_EXCHANGE", "environment")
    monkeypatch.setenv("XIVO_EXPORTER_INSTANCE", "environment")
    settings = load(Settings, {"exchange": "flag"}, file)
    assert settings.buses[0].exchange == "flag"
    assert settings.instance == "environment"
    assert settings.buses[0].name == "file"


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIVO_EXPORTER_EXCHANGE", "")
    assert load(Settings, {}, {}).buses[0].exchange == "xivo"


def test_every_kind_of_setting_can_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    variables = {
        "BUS_URL": "amqps://u:p@h/v",
        "BUS_PASSWORD": SECRET,
        "BUS_TIMEZONE": "America/Montreal",
        "DETAILS": "agents, endpoints",
        "BIND_ALL": "true",
        "MAX_SERIES": "5",
        "LISTEN": "[::1]:1234",
        "INBOX_EXPIRES": "1.5",
        "LOG_LEVEL": "debug",
        "LOG_FORMAT": "json",
        "EXCHANGE_TYPE": "headers",
        "SERVICE_LEVEL": "30,support=10",
    }
    for name, value in variables.items():
        monkeypatch.setenv(PREFIX + name, value)
    settings = load(Settings, {}, {})
    assert str(settings.buses[0].url) == "amqps://h:5671/v"
    assert settings.buses[0].password is not None
    assert settings.buses[0].password.get_secret_value() == SECRET
    assert settings.buses[0].timezone == ZoneInfo("America/Montreal")
    assert settings.details == {"agents", "endpoints"}
    assert settings.buses[0].bind_all
    assert settings.max_series == 5
    assert settings.listen == ("::1", 1234)
    assert settings.inbox_expires == 1.5
    assert (settings.log_level, settings.log_format) == (LogLevel.DEBUG, LogFormat.JSON)
    assert settings.buses[0].exchange_type is ExchangeType.HEADERS
    assert settings.buses[0].service_level == ({"support": 10}, 30)


def test_a_file_may_use_the_types_of_toml() -> None:
    file = {"bind_all": True, "details": ["agents"], "max_series": 7, "inbox_expires": 60}
    file |= {"service_level": 15}
    settings = load(Settings, {}, file)
    assert settings.buses[0].bind_all
    assert settings.details == {"agents"}
    assert settings.max_series == 7
    assert settings.buses[0].service_level == ({}, 15)


def test_an_unknown_key_of_the_file_is_an_error() -> None:
    with pytest.raises(SettingsError, match="exchange_of"):
        load(Settings, {}, {"exchange_of": "xivo"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bus_url", "http://h"),
        ("bus_url", f"amqp//u:{SECRET}@h"),
        ("bus_url", f"amqp://u:{SECRET}#x@h"),
        ("bus_url", f"amqp://u:{SECRET}/x@h:port"),
        ("bus_url", ""),
        ("bus_password_file", "/nowhere/at/all"),
        ("bus_ca_file", "/nowhere/at/all"),
        ("bus_timezone", "Middle/Earth"),
        ("bus_timezone", "../../etc/passwd"),
        ("bus_timezone", "Europe"),
        ("bus_name", ""),
        ("bus_name", "x" * 500),
        ("bus_name", "a\nb"),
        ("exchange", ""),
        ("exchange_type", "fanout"),
        ("instance", ""),
        ("instance", "x" * 500),
        # The broker's names have 255 bytes.
        ("instance", "\N{SNOWMAN}" * 90),
        ("listen", "10495"),
        ("listen", "host:port"),
        ("listen", "host:65536"),
        ("listen", "host:-1"),
        ("listen", ""),
        ("details", "agents,phones"),
        ("subsystems", "agents,phones"),
        ("subsystems", "bus"),
        ("subsystems", ""),
        ("subsystems", " , "),
        ("max_series", "0"),
        ("max_series", "many"),
        ("inbox_expires", "0"),
        ("inbox_expires", "1e9"),
        ("inbox_expires", "nan"),
        ("inbox_max_length", "1"),
        ("inbox_max_bytes", "1"),
        ("bind_all", "perhaps"),
        ("service_level", "0"),
        ("service_level", "20,30"),
        ("service_level", "support=10,support=20"),
        ("service_level", "=10"),
        ("service_level", "support=soon"),
        ("log_level", "loud"),
        ("log_format", "xml"),
    ],
)
def test_a_wrong_value_is_one_problem_that_names_flag_and_variable(name: str, value: str) -> None:
    [problem] = _problems(**{name: value})
    flag = "--" + name.replace("_", "-")
    assert problem.startswith(f"{flag} ({PREFIX}{name.upper()}): ")
    assert len(problem) > len(f"{flag} ({PREFIX}{name.upper()}): ")
    assert "\n" not in problem


def test_all_wrong_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIVO_EXPORTER_MAX_SERIES", "none")
    with pytest.raises(SettingsError) as caught:
        load(Settings, {"bus_url": f"x:{SECRET}", "listen": "x"}, {"details": "x", "typo": 1})
    for name in ("--bus-url", "--listen", "--max-series", "--details", "typo"):
        assert sum(name in problem for problem in caught.value.problems) == 1, name
    assert SECRET not in str(caught.value)


def test_problems_between_settings_are_told_at_once_as_well(tmp_path: Path) -> None:
    password_file, certificate = tmp_path / "password", tmp_path / "certificate"
    password_file.write_text(SECRET)
    certificate.write_text("x")
    problems = _problems(
        bus_url="amqps://h",
        bus_password=SECRET,
        bus_password_file=str(password_file),
        bus_cert_file=str(certificate),
        max_series=0,
    )
    assert any("max-series" in problem for problem in problems)
    assert any("password" in problem for problem in problems)
    assert any("key" in problem for problem in problems)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"bus_cert_file": "FILE"}, "key"),
        ({"bus_key_file": "FILE"}, "cert"),
        ({"bus_password": SECRET, "bus_password_file": "FILE"}, "password"),
        ({"bus_url": "amqp://h", "bus_ca_file": "FILE"}, "amqps://"),
        ({"bus_url": "amqp://h", "bus_server_name": "h"}, "amqps://"),
    ],
)
def test_settings_that_contradict_each_other_are_an_error(
    tmp_path: Path, flags: dict[str, str], expected: str
) -> None:
    file = tmp_path / "file"
    file.write_text(SECRET)
    given_ = {name: str(file) if value == "FILE" else value for name, value in flags.items()}
    [problem] = _problems(**{"bus_url": "amqps://h", **given_})
    assert expected in problem


@pytest.mark.parametrize(
    ("exchange", "kind"),
    [
        ("xivo", ExchangeType.TOPIC),
        ("wazo-headers", ExchangeType.HEADERS),
        ("headers-of-letters", ExchangeType.TOPIC),
    ],
)
def test_the_type_of_an_exchange_is_guessed_by_its_name(exchange: str, kind: ExchangeType) -> None:
    assert ExchangeType.of(exchange) is kind


def test_every_subsystem_with_details_can_be_chosen() -> None:
    assert load(Settings, {"details": ",".join(DETAILS)}, {}).details == set(DETAILS)
    assert {"agents", "endpoints"} <= set(DETAILS)


def test_all_subsystems_are_kept_by_default_and_the_bus_and_the_exporter_always() -> None:
    assert load(Settings, {}, {}).kept_subsystems == SUBSYSTEMS
    for names in ("queue_calls, agents", ["queue_calls", "agents", "agents"]):
        few = load(Settings, {"subsystems": names}, {}).kept_subsystems
        assert [each.name for each in few] == ["agents", "queue_calls", "bus", "deliveries"]
    assert load(Settings, {"subsystems": ",".join(OPTIONAL)}, {}).kept_subsystems == SUBSYSTEMS
    always = [each for each in SUBSYSTEMS if each.name not in OPTIONAL]
    assert not any(each.all_decoders or each.listings for each in always)


def test_details_of_a_subsystem_that_is_left_out_are_a_mistake() -> None:
    told = (
        "lines is not among the subsystems that are kept: add it to subsystems, or remove it here"
    )
    assert _problems(details="agents,lines", subsystems="agents") == [
        f"--details (XIVO_EXPORTER_DETAILS): {told}"
    ]
    # Only what is wrong itself is told.
    [problem] = _problems(details="lines", subsystems="agent")
    assert problem.startswith("--subsystems ")
    kept = load(Settings, {"details": "agents", "subsystems": "agents,chat"}, {})
    assert kept.details == {"agents"}


def test_settings_show_no_secret() -> None:
    settings = load(Settings, {"bus_url": f"amqp://u:{SECRET}@h"}, {"bus_password": SECRET})
    for shown in (
        repr(settings),
        str(settings),
        str(settings.buses[0].url),
        repr(settings.buses[0].url),
    ):
        assert SECRET not in shown


# Several buses


def _buses(*tables: dict[str, object], **flags: object) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(Settings, flags, {"buses": list(tables)})
    assert SECRET not in f"{caught.value} {caught.value!r}"
    assert caught.value.__context__ is None
    return caught.value.problems


def test_each_table_of_the_file_is_a_bus_with_settings_of_its_own(tmp_path: Path) -> None:
    password_file = tmp_path / "password"
    password_file.write_text(SECRET)
    paris = {"name": "paris", "url": "amqp://p", "password_file": str(password_file)}
    lyon = {"name": "lyon", "url": "amqps://l/v", "exchange": "wazo-headers", "bind_all": True}
    settings = load(
        Settings, {"instance": "i"}, {"buses": [paris, {**lyon, "timezone": "Europe/Paris"}]}
    )
    first, second = settings.buses
    assert (first.name, str(first.url), first.password_file) == ("paris", _P, password_file)
    assert (first.exchange, first.bind_all, first.timezone) == ("xivo", False, None)
    assert (second.name, str(second.url), second.exchange) == ("lyon", _L, "wazo-headers")
    assert (second.bind_all, second.timezone) == (True, ZoneInfo("Europe/Paris"))
    assert settings.instance == "i"


_P, _L = "amqp://p:5672", "amqps://l:5671/v"


def test_a_single_bus_and_tables_of_buses_are_an_error_that_names_every_stray_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XIVO_EXPORTER_BUS_PASSWORD", SECRET)
    with pytest.raises(SettingsError) as caught:
        load(Settings, {"bind_all": True}, {"buses": [{}], "bus_url": f"amqp://u:{SECRET}@h"})
    told = caught.value.problems
    for name in ("--bind-all", "XIVO_EXPORTER_BUS_PASSWORD", "--bus-url"):
        assert sum(name in problem and "[[buses]]" in problem for problem in told) == 1, name
    assert len(told) == 3
    assert SECRET not in str(caught.value)


def test_what_is_wrong_with_buses_is_told_at_once_and_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    problems = _buses(
        {"url": f"amqp//u:{SECRET}@h", "timezone": "Middle/Earth"},
        {"name": "b", "typo": SECRET, "url": "amqp://h", "ca_file": str(file)},
        {"name": "c", "url": "amqps://h", "cert_file": str(file), "exchange": 7},
        {"name": "d", "password": SECRET, "password_file": str(file)},
        max_series=0,
    )
    places = [problem.partition(": ")[0] for problem in problems]
    assert sorted(places) == [
        "--max-series (XIVO_EXPORTER_MAX_SERIES)",
        "buses[0].timezone",
        "buses[0].url",
        "buses[1].ca_file",
        "buses[1].typo",
        "buses[2].exchange",
        "buses[2].key_file",
        "buses[3].password",
    ]


def test_no_two_buses_have_the_same_name() -> None:
    problems = _buses({}, {"name": "b"}, {"name": "default"}, {"name": "b", "url": "http://h"})
    assert [problem.partition(": ")[0] for problem in problems] == [
        "buses[2].name",
        "buses[3].name",
        "buses[3].url",
    ]


@pytest.mark.parametrize("buses", [[], {"url": "amqp://h"}, "amqp://h", ["amqp://h"], 1, [[]]])
def test_buses_are_tables(buses: object) -> None:
    with pytest.raises(SettingsError, match=r"\[\[buses\]\]"):
        load(Settings, {}, {"buses": buses})


def test_the_buses_are_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIVO_EXPORTER_BUSES", "nonsense")
    assert len(load(Settings, {}, {}).buses) == 1


# The bus URL


@pytest.mark.parametrize(
    ("url", "host", "port", "vhost", "user", "password", "tls"),
    [
        ("amqp://h", "h", 5672, "/", "guest", "guest", False),
        ("amqp://guest:guest@localhost:5672//", "localhost", 5672, "/", "guest", "guest", False),
        ("amqp://u@h/", "h", 5672, "/", "u", "guest", False),
        ("amqps://u:p@h:1/v", "h", 1, "v", "u", "p", True),
        ("amqp://u:p@h/%2F", "h", 5672, "/", "u", "p", False),
        ("amqp://h/a%2Fb%20c", "h", 5672, "a/b c", "guest", "guest", False),
        ("amqp://a%40b:p%3A%2F%3F%23%25%40@h", "h", 5672, "/", "a@b", "p:/?#%@", False),
        ("amqp://[::1]:99/v", "::1", 99, "v", "guest", "guest", False),
        ("AMQP://H", "h", 5672, "/", "guest", "guest", False),
    ],
)
def test_a_bus_url_is_taken_apart(  # noqa: PLR0917, PLR0913 -- one column for each part
    url: str, host: str, port: int, vhost: str, user: str, password: str, tls: bool
) -> None:
    assert BusUrl.parse(url) == BusUrl(host, port, vhost, user, password, tls)


@pytest.mark.parametrize("url", ["amqp://h:1/v", "amqps://h:2", "amqp://[::1]:99"])
def test_the_address_of_a_bus_is_its_url_without_credentials(url: str) -> None:
    scheme, _, rest = url.partition("://")
    assert str(BusUrl.parse(f"{scheme}://u:{SECRET}@{rest}")) == url


def test_an_unescaped_slash_in_a_password_is_no_vhost() -> None:
    with pytest.raises(ValueError, match="%2F") as caught:
        BusUrl.parse(f"amqp://xivo:2024/{SECRET}@h")
    assert SECRET not in str(caught.value)


def test_an_empty_password_is_empty() -> None:
    assert BusUrl.parse("amqp://u:@h").password == ""


def test_a_vhost_has_at_most_255_bytes() -> None:
    with pytest.raises(ValueError, match="255 bytes"):
        BusUrl.parse("amqp://h/" + "v" * 256)


@given(st.text())
def test_no_text_but_a_url_is_a_url_and_none_is_quoted(text: str) -> None:
    told = ""
    try:
        BusUrl.parse(f"amqp://u:{SECRET}{text}@h")
    except ValueError:
        told = traceback.format_exc()
    # The source line of this test is in it, but not what it stands for.
    assert SECRET not in told


# AMQP separates user and password with a NUL. 60 characters are at most 240 bytes; a vhost has 255.
@given(
    user=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
    password=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
    vhost=st.text(min_size=1, max_size=60),
)
def test_any_credentials_can_be_written_in_a_url(user: str, password: str, vhost: str) -> None:
    parts = [quote(part, safe="", errors="replace") for part in (user, password, vhost)]
    url = BusUrl.parse(f"amqp://{parts[0]}:{parts[1]}@h/{parts[2]}")
    wanted = tuple(part.encode(errors="replace").decode() for part in (user, password, vhost))
    assert (url.user, url.password, url.vhost) == wanted


@pytest.mark.parametrize(
    "urls",
    [
        f"amqp://u:{SECRET}@a:1/v;amqp://w@b",
        f" amqp://u:{SECRET}@a:1/v ; amqp://w@b ",
        [f"amqp://u:{SECRET}@a:1/v", "amqp://w@b"],
    ],
)
def test_a_bus_may_have_several_addresses(urls: object) -> None:
    shown = "amqp://a:1/v;amqp://b:5672"
    (bus,) = load(Settings, {"bus_url": urls}, {}).buses
    assert str(bus.url) == shown
    assert [(url.user, url.password) for url in bus.url] == [("u", SECRET), ("w", "guest")]
    (bus,) = load(Settings, {}, {"buses": [{"url": urls}]}).buses
    assert str(bus.url) == shown
    assert SECRET not in f"{bus} {bus!r}"


@pytest.mark.parametrize(
    "urls",
    [
        f"amqp://u:{SECRET}@a;amqps://b",
        f"amqp://u:{SECRET};@a",
        f"amqp://u:{SECRET}@a;",
        [f"amqp://u:{SECRET}@a", 7],
        [],
    ],
)
def test_a_wrong_list_of_addresses_is_one_problem(urls: object) -> None:
    [problem] = _problems(bus_url=urls)
    assert problem.startswith("--bus-url ")


def test_tls_files_are_for_all_addresses_or_an_error(tmp_path: Path) -> None:
    ca = tmp_path / "ca"
    ca.write_text("x")
    [problem] = _problems(bus_url="amqp://a;amqp://b", bus_ca_file=str(ca))
    assert problem.startswith("--bus-ca-file ")
    assert (
        load(Settings, {"bus_url": "amqps://a;amqps://b", "bus_ca_file": ca}, {}).buses[0].url.tls
    )


@given(st.text())
def test_no_text_after_a_semicolon_is_quoted(text: str) -> None:
    told = ""
    try:
        BusUrls.parse(f"amqp://h;amqp://u:{SECRET}{text}@h")
    except ValueError:
        told = traceback.format_exc()
    assert SECRET not in told


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":1", ("0.0.0.0", 1)),  # noqa: S104 -- what no host means
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:65535", ("::1", 65535)),
        ("exporter.example:10495", ("exporter.example", 10495)),
    ],
)
def test_an_address_is_host_and_port(text: str, address: tuple[str, int]) -> None:
    assert Address.parse(text) == address
    assert Address.parse(str(Address.parse(text))) == address


def test_pause_reasons_are_names_in_their_order() -> None:
    settings = load(Settings, {"pause_reasons": " lunch, coffee break,,lunch"}, {})
    assert settings.pause_reasons == ("lunch", "coffee break")
    # In a file, a reason may contain a comma.
    settings = load(Settings, {}, {"pause_reasons": ["lunch, long", "café"]})
    assert settings.pause_reasons == ("lunch, long", "café")


@pytest.mark.parametrize(
    "reasons", [["x" * 129], ["a\nb"], [f"reason {n}" for n in range(51)], [5], 5]
)
def test_pause_reasons_are_few_short_and_printable(reasons: object) -> None:
    with pytest.raises(SettingsError, match="--pause-reasons"):
        load(Settings, {}, {"pause_reasons": reasons})


@pytest.mark.parametrize(
    ("given", "page"), [("on", Page.ON), ("off", Page.OFF), (True, Page.ON), (False, Page.OFF)]
)
def test_the_page_is_off_in_the_words_of_each_format(given: object, page: Page) -> None:
    assert load(Settings, {}, {"page": given}, "a.toml").page is page
