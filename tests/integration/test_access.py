"""TLS, users and reloads of the real program, with curl, openssl and Prometheus as clients."""

import base64
import json
import os
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPSConnection, RemoteDisconnected
from pathlib import Path

import bcrypt
import pytest

from tests.certificates import Certificates, make_certificates
from tests.dashboards.prometheus import Prometheus
from tests.program import PROGRAM, Exporter
from tests.support import eventually, missing

USER, PASSWORD = "prometheus", "right"
OPEN = "everybody who can reach the port can read the metrics"
BROKEN = "web configuration file not used; the old one stays"
READ = "web configuration file read again"


def hashed(password: str, cost: int = 4) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()


@dataclass
class Site:
    """A running exporter with a web configuration file that changes."""

    folder: Path
    certificates: Certificates

    def __post_init__(self) -> None:
        self.file = self.folder / "web.yml"
        self.settings = self.folder / "config.toml"
        self.settings.write_text(f"web_config_file = {json.dumps(str(self.file))}\n")
        self.cert, self.key = self.folder / "server.pem", self.folder / "server.key"
        self.use(self.certificates)
        self.program = Exporter(
            self.folder,
            *("--listen", "127.0.0.1:0", "--config", f"{self.settings}"),
            *("--bus-url", "amqp://127.0.0.1:1"),
            program=(*PROGRAM, "run"),
        )

    def use(self, certificates: Certificates) -> None:
        """Let the server have these certificates."""
        for target, source in (
            (self.cert, certificates.server),
            (self.key, certificates.server_key),
        ):
            draft = target.with_suffix(".draft")
            shutil.copy(source, draft)
            draft.replace(target)

    def write(
        self, users: Mapping[str, str] | None = None, tls: Mapping[str, str] | None = None
    ) -> None:
        """Write the web configuration file: TLS, and hashes of passwords by user."""
        content = {
            "tls_server_config": {
                "cert_file": "server.pem",
                "key_file": "server.key",
                **(tls or {}),
            },
            "basic_auth_users": users or {},
        }
        draft = self.file.with_suffix(".draft")
        draft.write_text(json.dumps(content))  # JSON is YAML.
        draft.replace(self.file)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.program.address[1]}"

    def curl(self, path: str, *arguments: str) -> tuple[int, int, str]:
        """Return the exit status of curl, the status of the answer, and the answer."""
        curl = shutil.which("curl") or missing("curl", "apt-get install curl")
        done = subprocess.run(
            [curl, "-s", "--max-time", "20", "-w", "\n%{http_code}", *arguments, self.url + path],
            capture_output=True,
            text=True,
            check=False,
        )
        body, _, status = done.stdout.rpartition("\n")
        return done.returncode, int(status), body

    def asked(self, path: str, *arguments: str, user: str = f"{USER}:{PASSWORD}") -> int:
        """Return the status of the answer to a user who trusts the authority."""
        trust = ("--cacert", f"{self.certificates.ca}")
        return self.curl(path, *trust, *(("-u", user) if user else ()), *arguments)[1]


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    folder = tmp_path / "authority"
    folder.mkdir()
    return make_certificates(folder)


@pytest.fixture
def site(
    request: pytest.FixtureRequest, tmp_path: Path, certificates: Certificates
) -> Iterator[Site]:
    site = Site(tmp_path, certificates)
    site.write({USER: hashed(PASSWORD)})
    with site.program:
        yield site
    request.node.add_report_section("teardown", "log", site.program.log())
    assert PASSWORD not in site.program.log()
    assert "Traceback" not in site.program.log()


def test_only_users_with_the_right_password_see_anything(site: Site) -> None:
    for path in ("/", "/metrics", "/-/healthy", "/-/ready", "/-/reload", "/no-such-page"):
        assert site.asked(path, user="") == 401
        assert site.asked(path, user=f"{USER}:wrong") == 401
        assert site.asked(path, user=f"nobody:{PASSWORD}") == 401
    assert site.asked("/metrics") == 200
    assert site.asked("/-/healthy") == 200
    assert site.asked("/no-such-page") == 404
    # Without trust in the authority, and without TLS, there is nothing.
    assert site.curl("/metrics", "-u", f"{USER}:{PASSWORD}")[:2] == (60, 0)
    plain = site.curl("/metrics", "--proto", "=https,http", "--cacert", f"{site.certificates.ca}")
    assert plain[1] == 401


def test_prometheus_scrapes_with_tls_and_a_password(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "prometheus"
    folder.mkdir()
    secure = {
        "scheme": "https",
        "tls_config": {"ca_file": f"{site.certificates.ca}", "server_name": "localhost"},
        "basic_auth": {"username": USER, "password": PASSWORD},
    }
    jobs = {"xivo": [site.program.address[1]]}
    with Prometheus(folder, jobs, further={"xivo": secure}) as prometheus:
        [found] = prometheus.query("xivo_exporter_config_last_reload_successful")
        assert found.value == 1


@pytest.mark.parametrize(
    ("arguments", "is_right"),
    [(["-tls1_3"], True), (["-tls1_2"], False), (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], False)],
)
def test_openssl_gets_only_the_versions_that_are_allowed(
    site: Site, arguments: Sequence[str], is_right: bool
) -> None:
    site.write(tls={"min_version": "TLS13"})
    eventually(lambda: site.program.logged(READ) or (site.asked("/") and None), what="it is read")
    openssl = shutil.which("openssl") or missing("openssl", "apt-get install openssl")
    done = subprocess.run(
        [
            *(openssl, "s_client", "-connect", f"127.0.0.1:{site.program.address[1]}"),
            *("-servername", "localhost", "-CAfile", f"{site.certificates.ca}"),
            *("-verify_return_error", "-ign_eof", *arguments),
        ],
        input="GET /-/healthy HTTP/1.0\r\n\r\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ("200 OK" in done.stdout) == is_right


def test_client_certificates_are_required_as_soon_as_the_file_says_so(site: Site) -> None:
    shutil.copy(site.certificates.ca, site.folder / "ca.pem")
    with_certificate = (
        *("--cert", f"{site.certificates.client}"),
        *("--key", f"{site.certificates.client_key}"),
    )
    assert site.asked("/metrics") == 200
    required = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "ca.pem"}
    site.write({USER: hashed(PASSWORD)}, required)
    eventually(lambda: site.asked("/metrics") == 0, what="a certificate is required")
    assert site.asked("/metrics", *with_certificate) == 200
    assert site.asked("/metrics", *with_certificate, user="") == 401


def trusting(*certificates: Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context()
    for each in certificates:
        context.load_verify_locations(each.ca)
    return context


class Scraper(threading.Thread):
    """Scrapes without a pause, and tries one password after the other."""

    def __init__(
        self, site: Site, context: ssl.SSLContext, passwords: Sequence[str], *, keeps: bool
    ) -> None:
        super().__init__()
        self._port = site.program.address[1]
        self._context = context
        self._passwords = passwords
        self._keeps = keeps
        self._connection: HTTPSConnection | None = None
        self.is_over = threading.Event()
        self.certificates: list[object] = []
        self.problems: list[object] = []

    def run(self) -> None:
        while not self.is_over.is_set():
            try:
                statuses = [self._scrape(password) for password in self._passwords]
                if 200 not in statuses:
                    self.problems.append(statuses)
            except OSError as error:
                self.problems.append(repr(error))
                self._connection = None
        if self._connection is not None:
            self._connection.close()

    def _scrape(self, password: str) -> int:
        if self._connection is None:
            self._connection = HTTPSConnection(
                "localhost", self._port, timeout=30, context=self._context
            )
            self._connection.connect()
            self.certificates.append(self._connection.sock.getpeercert(binary_form=True))
        headers = {"Authorization": basic(USER, password)}
        self._connection.request("GET", "/metrics", headers=headers)
        response = self._connection.getresponse()
        response.read()
        if not self._keeps or response.will_close:
            self._connection.close()
            self._connection = None
        return response.status


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@contextmanager
def scraping(
    site: Site, context: ssl.SSLContext, passwords: Sequence[str], *, keeps: bool
) -> Iterator[Callable[[], list[object]]]:
    """Scrape with several clients, of which none may fail; give the certificates that they saw."""
    scrapers = [Scraper(site, context, passwords, keeps=keeps) for _ in range(3)]
    for each in scrapers:
        each.start()
    yield lambda: [seen for each in scrapers for seen in each.certificates]
    for each in scrapers:
        each.is_over.set()
    for each in scrapers:
        each.join(60)
        assert not each.problems


@pytest.mark.parametrize("keeps", [False, True], ids=["each-new", "kept-alive"])
def test_certificates_change_under_scrapes_and_none_fails(
    site: Site, tmp_path: Path, keeps: bool
) -> None:
    folder = tmp_path / "next"
    folder.mkdir()
    following = make_certificates(folder)
    with scraping(
        site, trusting(site.certificates, following), [PASSWORD], keeps=keeps
    ) as certificates:
        eventually(lambda: len(certificates()) >= 3, what="it is scraped")
        site.use(following)
        eventually(lambda: site.program.logged(READ), what="the certificate is read")
        if not keeps:
            eventually(lambda: len({*certificates()}) == 2, what="the new certificate is used")
        for _ in range(3):
            trust = ("--cacert", f"{following.ca}", "-u", f"{USER}:{PASSWORD}")
            assert site.curl("/metrics", *trust)[1] == 200
        assert len({*certificates()}) == (1 if keeps else 2)


def test_passwords_change_under_scrapes_and_one_is_always_right(site: Site) -> None:
    context = trusting(site.certificates)
    with scraping(site, context, [PASSWORD, "next"], keeps=True):
        assert site.asked("/metrics") == 200
        site.write({USER: hashed("next")})
        eventually(lambda: site.program.logged(READ), what="the password is read")
        assert site.asked("/metrics", user=f"{USER}:next") == 200
        assert site.asked("/metrics") == 401


def test_a_broken_file_keeps_the_old_one_and_says_so(site: Site) -> None:
    good = site.file.read_text()
    site.file.write_text("basic_auth_users: {prometheus: secret-but-no-hash}")
    eventually(
        lambda: site.asked("/metrics") == 200 and site.program.logged(BROKEN), what="it says so"
    )
    assert "secret-but-no-hash" not in site.program.log()
    assert site.asked("/metrics", user="") == 401
    _, _, text = site.curl(
        "/metrics", "--cacert", f"{site.certificates.ca}", "-u", "prometheus:right"
    )
    assert "xivo_exporter_config_last_reload_successful 0" in text
    site.file.write_text(good)
    eventually(
        lambda: site.asked("/metrics") == 200 and site.program.logged(READ), what="it is used"
    )
    _, _, text = site.curl(
        "/metrics", "--cacert", f"{site.certificates.ca}", "-u", "prometheus:right"
    )
    assert "xivo_exporter_config_last_reload_successful 1" in text


def test_a_start_with_a_broken_file_ends_with_one_line(
    tmp_path: Path, certificates: Certificates
) -> None:
    site = Site(tmp_path, certificates)
    site.file.write_text("tls_server_config: {cert_file: none.pem, key_file: none.key}")
    site.program.start(wait=False)
    assert site.program.wait() == 2
    [line] = site.program.log().splitlines()
    assert "--web-config-file" in line
    assert "none.pem" in line or "cert_file" in line


def reloads(site: Site, *arguments: str, user: str = f"{USER}:{PASSWORD}") -> tuple[int, str]:
    _, status, text = site.curl(
        "/-/reload", "-X", "POST", "--cacert", f"{site.certificates.ca}", "-u", user, *arguments
    )
    return status, text


def test_a_post_reloads_if_a_setting_allows_it(site: Site) -> None:
    assert reloads(site)[0] == 403
    content = site.settings.read_text()
    site.settings.write_text(f"{content}web_allow_reload = true\n")
    os.kill(site.program.pid, 1)
    eventually(lambda: site.program.logged("settings reloaded"), what="it is allowed")
    assert site.asked("/-/reload") == 405
    assert reloads(site, user=f"{USER}:wrong")[0] == 401
    assert reloads(site, "-H", "Sec-Fetch-Site: cross-site")[0] == 403
    assert reloads(site) == (200, "Nothing has changed.\n")
    site.settings.write_text(f'{content}web_allow_reload = true\ndetails = ["agents"]\n')
    assert reloads(site) == (200, "Changed: details.\n")
    site.settings.write_text(f"{content}web_allow_reload = true\nmax_series = 0\n")
    status, text = reloads(site)
    assert status == 500
    assert text.startswith("--max-series")


def test_a_reload_uses_another_web_config_file(site: Site) -> None:
    other = site.folder / "other.yml"
    other.write_text(site.file.read_text().replace(USER, "grafana"))
    site.settings.write_text(
        f"web_config_file = {json.dumps(str(other))}\nweb_open_health = true\n"
    )
    os.kill(site.program.pid, 1)
    eventually(lambda: site.program.logged("settings reloaded"), what="it is reloaded")
    assert site.asked("/metrics") == 401
    assert site.asked("/metrics", user=f"grafana:{PASSWORD}") == 200
    assert site.curl("/-/ready", "--cacert", f"{site.certificates.ca}")[1:] == (503, "Not ready.\n")


def test_a_file_that_loses_its_users_is_named_once(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text(json.dumps({"basic_auth_users": {USER: hashed(PASSWORD)}}))
    arguments = ("--listen", "0.0.0.0:0", "--web-config-file", f"{file}")
    with Exporter(
        tmp_path, *arguments, *("--bus-url", "amqp://127.0.0.1:1"), program=(*PROGRAM, "run")
    ) as program:
        assert not program.logged(OPEN)
        file.write_text("http_server_config: {headers: {X-Frame-Options: deny}}")
        eventually(lambda: program.logged(OPEN), what="it is told")
        file.write_text("http_server_config: {headers: {X-Frame-Options: sameorigin}}")
        eventually(lambda: len(program.logged(READ)) == 2, what="it is read")
        assert len(program.logged(OPEN)) == 1


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "127.0.0.1:0"])
def test_a_port_that_is_open_to_everybody_is_named_once(tmp_path: Path, listen: str) -> None:
    arguments = ("--listen", listen, "--bus-url", "amqp://127.0.0.1:1")
    with Exporter(tmp_path, *arguments, program=(*PROGRAM, "run")) as program:
        os.kill(program.pid, 1)
        eventually(lambda: program.logged("settings reloaded"), what="it is reloaded")
        assert len(program.logged(OPEN)) == listen.startswith("0")


def test_a_flood_of_wrong_passwords_delays_neither_scrapes_nor_logins(site: Site) -> None:
    # The hashes are as costly as those that htpasswd makes by default, and one much more so.
    users = {USER: hashed(PASSWORD, 10), "grafana": hashed(PASSWORD, 10), "slow": hashed("x", 14)}
    site.write(users)
    eventually(lambda: site.program.logged(READ) or (site.asked("/") and None), what="it is read")
    assert site.asked("/metrics") == 200
    is_over = threading.Event()
    context = trusting(site.certificates)
    refused: list[int] = []

    def flood(number: int) -> None:
        count = 0
        while not is_over.is_set():
            count += 1
            name = (USER, "slow", "grafana", f"nobody{count}")[count % 4]
            connection = HTTPSConnection(
                "localhost", site.program.address[1], timeout=60, context=context
            )
            headers = {"Authorization": basic(name, f"wrong-{number}-{count}")}
            # On a busy machine, one that waits for its turn too long is dropped.
            with suppress(RemoteDisconnected), closing(connection):
                connection.request("GET", "/metrics", headers=headers)
                refused.append(connection.getresponse().status)

    threads = [threading.Thread(target=flood, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: len(refused) > 32, timeout=60, what="the flood runs")
        took = []
        for user in (USER, "grafana", *(USER,) * 10):
            began = time.monotonic()
            # Prometheus waits for ten seconds.
            assert site.asked("/metrics", "--max-time", "10", user=f"{user}:{PASSWORD}") == 200
            took.append(time.monotonic() - began)
    finally:
        is_over.set()
        for thread in threads:
            thread.join(60)
    print("seconds of a login in a flood:", [round(each, 2) for each in took])  # noqa: T201 -- a figure for a person
    assert set(refused) <= {401, 429}
