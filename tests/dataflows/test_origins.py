"""The origins of each bus, and their silence."""

from hypothesis import given
from hypothesis import strategies as st

from dataflows.origins import MAX_ORIGINS, BusOrigins, Origins


def test_the_origins_of_a_bus_are_limited() -> None:
    origins = BusOrigins()
    assert all(origins.add(f"o{number}") for number in range(MAX_ORIGINS))
    assert not origins.add("one too many")
    assert [*origins.last_heard] == [f"o{number}" for number in range(MAX_ORIGINS)]
    del origins.last_heard["o3"]
    assert origins.add("another")
    assert not origins.add("one too many")


def test_a_silence_is_longer_than_the_seconds() -> None:
    origins = BusOrigins()
    origins.add("o")
    origins.read_seconds = 60.0
    origins.add("p")
    assert origins.silent(60) == []
    origins.read_seconds = 60.5
    assert origins.silent(60) == ["o"]
    origins.read_seconds = 1000.0
    assert origins.silent(60) == ["o", "p"]
    origins.last_heard["o"] = origins.read_seconds
    assert origins.silent(60) == ["p"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("read", "do not read", "a", "b", "c")), st.integers(0, 100).map(float)
        )
    ),
    st.integers(1, 100),
)
def test_silence_counts_only_while_the_bus_is_read(
    steps: list[tuple[str, float]], seconds: int
) -> None:
    origins = BusOrigins()
    # For each origin, how long the bus was read since its last event.
    silence: dict[str, float] = {}
    for what, lasted in steps:
        if what == "read":
            origins.read_seconds += lasted
            silence = {origin: known + lasted for origin, known in silence.items()}
        elif what != "do not read":
            if what not in silence:
                assert origins.add(what)
            origins.last_heard[what] = origins.read_seconds
            silence[what] = 0.0
        assert origins.silent(seconds) == [o for o, known in silence.items() if known > seconds]


def test_each_bus_has_its_own_origins() -> None:
    origins = Origins(lambda *_: None)
    paris, lyon = origins.of("paris"), origins.of("lyon")
    assert origins.of("paris") is paris
    origins.add("o", "paris")
    assert [*paris.last_heard] == ["o"]
    assert not lyon.last_heard


def test_an_origin_on_a_second_bus_is_reported() -> None:
    shared: list[tuple[str, str, str]] = []
    origins = Origins(lambda *who: shared.append(who))
    for bus in ("paris", "lyon", "nantes"):
        origins.of(bus)
    assert origins.add("o", "paris")
    assert origins.add("p", "lyon")
    assert shared == []
    assert origins.add("o", "lyon")
    assert shared == [("o", "lyon", "paris")]
    del origins.of("paris").last_heard["o"]
    assert origins.add("o", "nantes")
    assert shared[1:] == [("o", "nantes", "lyon")]


def test_an_origin_that_is_free_moves_without_a_report() -> None:
    shared: list[tuple[str, str, str]] = []
    origins = Origins(lambda *who: shared.append(who))
    paris = origins.of("paris")
    for origin in ("moved", "stays"):
        origins.add(origin, "paris")
        paris.free.add(origin)
    assert origins.add("moved", "lyon")
    assert [*paris.last_heard] == ["stays"]
    assert origins.add("stays", "paris")
    assert origins.add("stays", "lyon")
    assert shared == [("stays", "lyon", "paris")]


def test_an_origin_that_is_one_too_many_is_not_reported() -> None:
    shared: list[tuple[str, str, str]] = []
    origins = Origins(lambda *who: shared.append(who))
    origins.add("o", "paris")
    for number in range(MAX_ORIGINS):
        origins.add(f"of lyon {number}", "lyon")
    assert not origins.add("o", "lyon")
    assert shared == []


def test_an_api_of_a_server_whose_events_do_not_come_is_a_stranger_after_events_of_others() -> None:
    origins = Origins(lambda *_: None)
    known = origins.of("paris")
    assert origins.admit("api", "paris")
    known.read_seconds = 1000.0
    assert known.find_strangers(600) == []
    known.add("other")
    known.read_seconds = 1599.0
    assert known.find_strangers(600) == []
    known.read_seconds = 1600.0
    assert known.find_strangers(600) == ["api"]
    known.forget("api")
    assert not origins.admit("api", "paris")
    known.hear("api")
    assert known.strangers == set()
    assert origins.admit("api", "paris")


def test_a_silent_server_does_not_make_its_successor_a_stranger() -> None:
    known = BusOrigins()
    known.add("before the installation")
    known.read_seconds = 10.0
    assert known.admit("after it")
    for known.read_seconds in (600.0, 1200.0, 1800.0):
        assert known.find_strangers(600) == []


def test_a_server_of_which_only_an_api_tells_is_free() -> None:
    origins = Origins(lambda *_: None)
    for bus in ("paris", "lyon"):
        assert origins.admit("o", bus)
    assert (origins.of("paris").free, origins.of("lyon").free) == ({"o"}, set())
    assert not origins.is_settled("o", "lyon")
    assert origins.add("o", "lyon")
    assert not origins.of("paris").last_heard
    assert origins.is_settled("o", "lyon")
