"""Passwords: only the right ones pass, floods delay nobody else, and times tell nothing."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.web import logins
from exporter.web.attempts import Client, Verdict
from exporter.web.basic_auth import Credentials
from exporter.web.logins import MAX_WAITING, MAX_WRONG, REFUSAL_SECONDS, Logins
from tests.web.virtual_time import run

RIGHT, WRONG, BUSY = Verdict.RIGHT, Verdict.WRONG, Verdict.BUSY


def loop_time() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class World:
    """Users whose hashes are their passwords in brackets, and a bcrypt in virtual time."""

    users: dict[str, str]
    seconds: float = 0.25
    checked: list[tuple[bytes, str]] = field(default_factory=list)
    suspect: list[bool] = field(default_factory=list)
    running: int = 0
    most: int = 0
    fails: bool = False
    at_once: int = 1
    pace: float = REFUSAL_SECONDS

    def __post_init__(self) -> None:
        self.logins = Logins(
            lambda: self.users,
            self.check,
            loop_time,
            seconds_of=lambda _: self.pace,
            at_once=self.at_once,
        )

    async def check(self, password: bytes, hashed: str, *, is_suspect: bool) -> bool:
        self.suspect.append(is_suspect)
        self.checked.append((password, hashed))
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(self.seconds)
        self.running -= 1
        if self.fails:
            msg = "no thread"
            raise RuntimeError(msg)
        return hashed == f"<{password.decode()}>"

    async def ask(
        self, user: str, password: str, client: str | Client = "p"
    ) -> tuple[Verdict, float]:
        """Return the verdict, and how long it took."""
        began = loop_time()
        one = client if isinstance(client, Client) else Client(client)
        verdict = await self.logins.verdict(Credentials(user, password.encode()), one)
        return verdict, round(loop_time() - began, 6)

    def flood(
        self, user: str, passwords: Iterable[object], client: str = "flood"
    ) -> list[asyncio.Task[tuple[Verdict, float]]]:
        return [asyncio.create_task(self.ask(user, str(each), client)) for each in passwords]

    async def is_idle(self) -> bool:
        for _ in range(3):  # The loop calls back when a task has ended.
            await asyncio.sleep(0)
        memory = self.logins
        return not (memory._names or memory._tasks or memory._waiting)  # noqa: SLF001 -- its memory


def test_a_right_password_costs_bcrypt_once() -> None:
    async def main() -> None:
        world = World({"alice": "<a>"})
        assert await world.ask("alice", "a") == (RIGHT, 0.25)
        assert await world.ask("alice", "a") == (RIGHT, 0)
        assert await world.ask("alice", "a", "another client") == (RIGHT, 0)
        assert len(world.checked) == 1
        assert await world.is_idle()

    run(main())


def test_unknown_users_and_wrong_passwords_of_known_ones_cost_no_bcrypt() -> None:
    async def main() -> None:
        world = World({"alice": "<a>"})
        await world.ask("alice", "a")
        world.checked.clear()
        assert await world.ask("alice", "b") == (WRONG, REFUSAL_SECONDS)
        assert await world.ask("mallory", "b") == (WRONG, REFUSAL_SECONDS)
        assert await world.ask("", "") == (WRONG, REFUSAL_SECONDS)
        assert world.checked == []

    run(main())


def test_a_repeated_wrong_password_costs_bcrypt_once() -> None:
    async def main() -> None:
        world = World({"alice": "<a>"})
        for _ in range(3):
            assert await world.ask("alice", "b") == (WRONG, REFUSAL_SECONDS)
        assert len(world.checked) == 1

    run(main())


def test_equal_attempts_share_one_check() -> None:
    async def main() -> None:
        world = World({"alice": "<a>"})
        right = world.flood("alice", "a" * 20)
        assert [await each for each in right] == [(RIGHT, 0.25)] * 20
        assert len(world.checked) == 1

    run(main())


def test_a_changed_hash_forgets_the_password() -> None:
    async def main() -> None:
        world = World({"alice": "<a>"})
        await world.ask("alice", "a")
        world.users = {"alice": "<b>"}
        assert await world.ask("alice", "a") == (WRONG, REFUSAL_SECONDS)
        assert await world.ask("alice", "b") == (RIGHT, 0.25)
        world.users = {}
        assert await world.ask("alice", "b") == (WRONG, REFUSAL_SECONDS)
        world.users = {"alice": "<b>"}
        assert (await world.ask("alice", "b"))[0] is RIGHT

    run(main())


def test_a_password_that_is_replaced_during_its_check_does_not_pass() -> None:
    async def main() -> None:
        world = World({"alice": "<a>"})
        task = asyncio.create_task(world.ask("alice", "a"))
        await asyncio.sleep(0.1)
        world.users = {"alice": "<b>"}
        assert (await task)[0] is WRONG
        assert world.checked == [(b"a", "<a>"), (b"a", "<b>")]

    run(main())


@pytest.mark.parametrize("seconds", [0.05, 0.25, 15])
@pytest.mark.parametrize("is_known", [True, False])
def test_a_flood_from_a_client_delays_no_first_login_of_another(
    seconds: float, is_known: bool
) -> None:
    async def main() -> None:
        world = World({"alice": "<a>", "bob": "<b>"}, seconds)
        flood = world.flood("alice", range(MAX_WAITING))
        if is_known:
            await asyncio.sleep(seconds + REFUSAL_SECONDS + 0.1)
        assert await world.ask("bob", "b") == (RIGHT, seconds)
        assert await world.ask("alice", "a") == (RIGHT, seconds)
        for task in flood:
            task.cancel()

    run(main())


@pytest.mark.parametrize(
    ("one", "two", "is_same"),
    [
        ("2001:db8::1", "2001:db8:0:0:ffff::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "", True),
    ],
)
def test_the_addresses_that_a_host_can_choose_count_as_one(
    one: str, two: str, is_same: bool
) -> None:
    async def main() -> None:
        world = World({"alice": "<a>"})
        await world.ask("alice", "x", one)
        await world.ask("alice", "y", two)
        assert world.suspect == [False, is_same]

    run(main())


def test_only_checks_for_addresses_with_wrong_attempts_are_suspect() -> None:
    async def main() -> None:
        world = World({"alice": "<a>"})
        await world.ask("alice", "x", "flood")
        await world.ask("alice", "y", "flood")
        await world.ask("alice", "z", "another")
        await world.ask("alice", "a", "flood")
        assert world.suspect == [False, True, False, True]

    run(main())


def test_a_flood_delays_no_login_of_a_client_that_was_wrong_once() -> None:
    async def main() -> None:
        world = World({"alice": "<a>"})
        await world.ask("alice", "old", "prometheus")
        flood = world.flood("alice", range(MAX_WAITING))
        await asyncio.sleep(3)
        _, took = await world.ask("alice", "a", "prometheus")
        assert took <= 1
        for task in flood:
            task.cancel()

    run(main())


def test_a_flood_whose_first_check_still_runs_takes_no_place_of_another_client() -> None:
    async def main() -> None:
        world = World({"alice": "<a>"}, seconds=15)
        flood = world.flood("alice", range(500))
        await asyncio.sleep(0.1)
        assert await world.ask("alice", "a") == (RIGHT, 15)
        for task in flood:
            task.cancel()

    run(main())


def test_behind_a_proxy_a_new_connection_goes_before_those_that_were_wrong() -> None:
    async def main() -> None:
        world = World({"alice": "<a>"})
        bots = [Client("proxy") for _ in range(30)]

        async def guess(bot: Client) -> None:
            for i in range(1000):
                await world.ask("alice", f"{id(bot)} {i}", bot)

        tasks = [asyncio.create_task(guess(bot)) for bot in bots]
        await asyncio.sleep(60)
        _, took = await world.ask("alice", "a", Client("proxy"))
        assert took <= 1
        for task in tasks:
            task.cancel()

    run(main())


def test_from_the_address_of_a_flood_over_new_connections_a_first_login_takes_a_second() -> None:
    # 20 clients, a hash of cost 10, and two processors.
    async def main() -> None:
        world = World({"alice": "<a>"}, seconds=0.05, at_once=2, pace=0.1)

        async def guess(bot: int) -> None:
            for i in range(1000):
                await world.ask("alice", f"{bot} {i}", Client("here"))

        tasks = [asyncio.create_task(guess(bot)) for bot in range(20)]
        await asyncio.sleep(30)
        assert world.most <= 2
        _, took = await world.ask("alice", "a", Client("here"))
        assert took <= 1
        for task in tasks:
            task.cancel()

    run(main())


def test_after_the_first_login_a_flood_delays_nothing() -> None:
    async def main() -> None:
        world = World({"alice": "<a>"}, seconds=15)
        await world.ask("alice", "a")
        flood = world.flood("alice", range(500))
        for _ in range(20):
            assert await world.ask("alice", "a", "flood") == (RIGHT, 0)
            await asyncio.sleep(0.1)
        for task in flood:
            task.cancel()
        assert len(world.checked) == 1

    run(main())


def test_a_flood_on_all_users_uses_a_few_threads() -> None:
    async def main() -> None:
        world = World({f"user{i}": "<x>" for i in range(100)}, seconds=1)
        tasks = [t for i in range(100) for t in world.flood(f"user{i}", range(5), f"client{i}")]
        await asyncio.gather(*tasks)
        assert world.most <= 2 * logins.MAX_CHECKS
        assert await world.is_idle()

    run(main())


def test_beyond_the_bound_the_newest_of_the_worst_client_is_told_to_come_again() -> None:
    async def main() -> None:
        world = World({"alice": "<a>"})
        await world.ask("alice", "x", "flood")
        flood = world.flood("alice", range(MAX_WAITING + 10))
        await asyncio.sleep(0)
        other = world.flood("alice", ["1st", "2nd", "3rd"], "other")
        assert await world.ask("alice", "a", "third") == (RIGHT, 0.25)
        results = [await each for each in flood]
        # One runs, 64 wait; those of the other client took the places of two more.
        refused = [i for i, (verdict, _) in enumerate(results) if verdict is BUSY]
        assert refused == list(range(MAX_WAITING + 1 - len(refused) + 9, MAX_WAITING + 10))
        assert len(refused) >= 9
        assert all(results[i][1] == REFUSAL_SECONDS for i in refused)
        assert [(await each)[0] for each in other] == [WRONG] * 3
        assert await world.is_idle()

    run(main())


def test_a_client_that_has_gone_does_not_wait_any_more() -> None:
    async def main() -> None:
        world = World({"alice": "<a>"})
        flood = world.flood("alice", range(10))
        await asyncio.sleep(0.01)
        for task in flood:
            task.cancel()
        await asyncio.sleep(5)
        assert len(world.checked) == 1
        assert await world.is_idle()
        # The check that ran has taught that its password is wrong.
        assert await world.ask("alice", "0") == (WRONG, REFUSAL_SECONDS)
        assert len(world.checked) == 1

    run(main())


def test_a_first_login_whose_client_has_gone_helps_its_next_one() -> None:
    async def main() -> None:
        world = World({"alice": "<a>"}, seconds=15)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await world.ask("alice", "a")
        await asyncio.sleep(5)
        assert await world.ask("alice", "a") == (RIGHT, 0)

    run(main())


def test_if_bcrypt_fails_nobody_passes_and_nothing_is_remembered() -> None:
    async def main() -> None:
        world = World({"alice": "<a>"}, fails=True)
        assert await world.ask("alice", "a") == (BUSY, REFUSAL_SECONDS)
        world.fails = False
        assert await world.ask("alice", "a") == (RIGHT, 0.25)

    run(main())


def test_long_passwords_are_cut_and_those_with_a_nul_are_wrong() -> None:
    async def main() -> None:
        world = World({"alice": f"<{'x' * 72}>", "bob": "<a>"})
        assert (await world.ask("alice", "x" * 100))[0] is RIGHT
        assert (await world.ask("alice", "x" * 72))[0] is RIGHT
        assert (await world.ask("alice", "x" * 71))[0] is WRONG
        assert (await world.ask("bob", "a\0a"))[0] is WRONG
        assert len(world.checked) == 1

    run(main())


def test_what_is_remembered_is_bounded() -> None:
    async def main() -> None:
        world = World({"alice": "<a>"}, seconds=0)
        memory = world.logins
        for i in range(100):
            await asyncio.gather(*world.flood("alice", range(i * 60, i * 60 + 60), f"client{i}"))
        assert len(memory._wrong) == MAX_WRONG  # noqa: SLF001 -- its memory
        assert len(memory._failures) <= logins.MAX_ADDRESSES  # noqa: SLF001 -- its memory
        assert await world.is_idle()

    run(main())


NAMES, WORDS = st.sampled_from(["", "a", "ab", "a:"]), st.sampled_from(["", "a", "b", "ab", ":a"])
USERS = st.dictionaries(NAMES, WORDS.map(lambda word: f"<{word}>"), max_size=3)
ATTEMPT = st.tuples(NAMES, WORDS, st.sampled_from("xyz"), st.sampled_from([0.0, 0.1, 0.7, 3.0]))


@given(worlds=st.lists(st.tuples(USERS, st.lists(ATTEMPT, max_size=12)), min_size=1, max_size=3))
def test_only_right_passwords_pass_in_any_order(
    worlds: list[tuple[dict[str, str], list[tuple[str, str, str, float]]]],
) -> None:
    async def main() -> None:
        world = World({})
        for users, attempts in worlds:
            world.users = users
            tasks = []
            for name, word, client, pause in attempts:
                tasks.append((name, word, asyncio.create_task(world.ask(name, word, client))))
                await asyncio.sleep(pause)
            for name, word, task in tasks:
                verdict, took = await task
                assert (verdict is RIGHT) == (users.get(name) == f"<{word}>")
                assert verdict is RIGHT or took >= REFUSAL_SECONDS
        assert await world.is_idle()

    run(main())


@given(
    attempts=st.lists(
        st.tuples(
            st.integers(0, 6),
            st.sampled_from(["x", "y", "z"]),
            # No sum of them is the end of another attempt, which would be a matter of rounding.
            st.sampled_from([0.0, 0.0137, 0.2113, 0.5371, 0.6173, 2.0311]),
        ),
        max_size=20,
    ),
    seconds=st.sampled_from([0.001, 0.1, 0.49]),
    at_once=st.sampled_from([1, 2, 8]),
)
@example(attempts=[(i, "x", 0.0) for i in range(MAX_WAITING + 5)], seconds=0.1, at_once=1)
def test_the_times_of_refusals_do_not_tell_whether_a_user_exists(
    attempts: list[tuple[int, str, float]], seconds: float, at_once: int
) -> None:
    async def times(*, exists: bool, has_logged_in: bool) -> list[tuple[Verdict, float]]:
        world = World({"alice": "<a>"} if exists else {}, seconds, at_once=at_once)
        if has_logged_in:
            await world.ask("alice", "a", "owner")
        tasks = []
        for password, client, pause in attempts:
            tasks.append(asyncio.create_task(world.ask("alice", str(password), client)))
            await asyncio.sleep(pause)
        return [await task for task in tasks]

    expected = run(times(exists=False, has_logged_in=False))
    assert run(times(exists=True, has_logged_in=False)) == expected
    assert run(times(exists=True, has_logged_in=True)) == expected
