"""What a user reads when the URL of a bus is wrong: which part, and never a piece of it."""

import string
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.settings.bus_url import BusUrl, BusUrls

SECRET = "s3cr3t-p4ss"


def told(url: str) -> str:
    with pytest.raises(ValueError, match=" ") as caught:
        BusUrls.parse(url)
    # Not even a traceback shows it.
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("", "the URL is empty"),
        ("pbx.example.com", "the scheme"),
        ("http://pbx.example.com", "the scheme"),
        ("amqp:/h", "the scheme"),
        ("amqp//u:p@h", "the scheme"),
        ("amqp:u:p@h", "the scheme"),
        (" ://h", "the scheme"),
        ("amqp://", "the host"),
        ("amqp:///vhost", "the host"),
        (f"amqp://u:{SECRET}@", "the host"),
        (f"amqp://u:{SECRET}@:5672", "the host"),
        (f"amqp://u:{SECRET}@a b", "the host"),
        ("amqp://::1", "an IPv6 address"),
        ("amqp://[::1", "an IPv6 address"),
        ("amqp://[pbx]", "an IPv6 address"),
        ("amqp://[::1]5672", "the port"),
        (f"amqp://u:{SECRET}@h:amqp", "the port"),
        (f"amqp://u:{SECRET}@h:0", "the port"),
        (f"amqp://u:{SECRET}@h:65536", "the port"),
        (f"amqp://u:{SECRET}@h:-1", "the port"),
        (f"amqp://u:{SECRET}@h:{'9' * 5000}", "the port"),
        (f"amqp://u:{SECRET}@h:\N{SUPERSCRIPT FIVE}", "the port"),
        # The host is missing, so that the password stands where a port does.
        (f"amqp://u:{SECRET}", "the port"),
        (f"amqp://u:{SECRET}@h/v?heartbeat=5", "a query"),
        (f"amqp://u:{SECRET}?x@h", "a query"),
        (f"amqp://u:{SECRET}#x@h", "a fragment"),
        (f"amqp://u:p/{SECRET}@h", "the first /"),
        (f"amqp://u:2024/{SECRET}@h/v", "the first /"),
        ("amqp://h/a@b", "the first /"),
        ("amqp://h/" + "v" * 256, "the vhost"),
        (f"amqp://u:{SECRET}%FF@h", "the password"),
        (f"amqp://u:{SECRET}\udcff@h", "the password"),
        (f"amqp://%FF:{SECRET}@h", "the user"),
        (f"amqp://u:{SECRET}@h/%FF", "the vhost"),
        (f"amqp://u:{SECRET}\n@h", "a control character"),
        (f"amqp://u:p@h;amqp://u:{SECRET}@h:x", "address 2: the port"),
        (f"amqp://u:p;{SECRET}@h", "address 1: the port"),
        (f"amqp://u:{SECRET}@h;{SECRET}@h", "address 2: the scheme"),
        ("amqp://u:p@h;", "address 2: the URL is empty"),
    ],
)
def test_the_part_that_is_wrong_is_named(url: str, part: str) -> None:
    assert part in told(url)


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("pbx", "write amqp://user:password@host:port/vhost, or amqps:// for TLS"),
        ("amqp://h:x", "must be a number from 1 to 65535"),
        ("amqp://h:x", "@host"),
        ("amqp://h?", "%3F"),
        ("amqp://h#", "%23"),
        ("amqp://u:p/q@h", "%2F"),
        ("amqp://u:p/q@h", "%40"),
        ("amqp://u:%FF@h", "UTF-8"),
        ("amqp://a;b", "%3B"),
        ("amqp://::1", "amqp://[::1]"),
        ("amqp://h/" + "v" * 256, "255 bytes"),
    ],
)
def test_the_message_says_what_to_write(url: str, advice: str) -> None:
    assert advice in told(url)


@pytest.mark.parametrize(
    ("url", "user", "password"),
    [
        ("amqp://u:a@b@h", "u", "a@b"),
        ("amqp://u:a:b@h", "u", "a:b"),
        ("amqp://u:[a]@h", "u", "[a]"),
        ("amqp://u:a[b@h", "u", "a[b"),
        ("amqp://u:a b@h", "u", "a b"),
        ("amqp://u:50%off@h", "u", "50%off"),
        ("amqp://u:100%@h", "u", "100%"),
        ("amqp://u:\N{ACCOUNT OF}@h", "u", "\N{ACCOUNT OF}"),
        ("amqp://\N{LATIN SMALL LETTER E WITH ACUTE}:%C3%A9@h", "\xe9", "\xe9"),
        ("amqp://u:@h", "u", ""),
        ("amqp://:p@h", "guest", "p"),
        ("amqp://@h", "guest", "guest"),
    ],
)
def test_what_can_be_meant_in_one_way_only_needs_no_escape(
    url: str, user: str, password: str
) -> None:
    parsed = BusUrl.parse(url)
    assert (parsed.user, parsed.password, parsed.host) == (user, password, "h")


# What makes a URL wrong, around credentials in which the same letters stand for each other.
_MARKS = st.text(st.sampled_from("@:/?#[]%; \t\n.;\udcff\xe9\N{ACCOUNT OF}"), max_size=3)
_BEGIN = st.sampled_from(["amqp://", "amqps://", "http://", "amqp:/", "", "a;", "amqp://h;amqp://"])
_END = st.sampled_from(
    ["@h", "@h:x", "@", "", "@[::1", "@h:99999", "@h/%", "@h/v?q", "@h#", ";", "@h;x"]
)
# Without hexadecimal digits, so that a % before it is never an escape.
_TEXT = st.text(string.ascii_lowercase[6:], min_size=8, max_size=8)


def message(url: str) -> str | None:
    try:
        BusUrls.parse(url)
    except ValueError as error:
        return "".join(traceback.format_exception(error))
    return None


@given(
    st.tuples(_BEGIN, _MARKS, _MARKS, _MARKS, _MARKS, _END),
    st.tuples(_TEXT, _TEXT, _TEXT),
    st.tuples(_TEXT, _TEXT, _TEXT),
)
def test_a_message_does_not_depend_on_user_and_password(
    frame: tuple[str, ...], some: tuple[str, ...], others: tuple[str, ...]
) -> None:
    begin, a, b, c, d, end = frame

    def url(user: str, first: str, second: str) -> str:
        return f"{begin}{a}{user}{b}:{first}{c}{second}{d}{end}"

    assert message(url(*some)) == message(url(*others))


@given(st.text(), st.text(), st.sampled_from(["amqp", "http", ""]), _END)
def test_no_piece_of_user_and_password_is_shown(
    before: str, after: str, scheme: str, end: str
) -> None:
    shown = message(f"{scheme}://{before}{SECRET}{after}:{before}{SECRET}{after}{end}")
    assert SECRET not in (shown or "")
