"""The broker of the tests: a private RabbitMQ node, and what the tests do with it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import quote

import amqp

from tests.rabbitmq import RabbitNode
from tests.roots import default_queue_type

# Bytes as XiVO up to 16.01 sent them, text, or whatever else as JSON.
Body = bytes | str | Mapping[str, Any] | Sequence[Any]

GUEST = "guest"

_QUEUE_COLUMNS = [
    *("name", "messages", "messages_ready", "messages_unacknowledged", "consumers", "arguments"),
    *("durable", "auto_delete", "exclusive", "policy", "type"),
]
_LIST_QUEUES = """
Plain = fun
    (name, {resource, _, queue, Name}) -> Name;
    (arguments, Table) -> maps:from_list([{Name, Value} || {Name, _, Value} <- Table]);
    (_, Value) -> Value
end,
iolist_to_binary(rabbit_json:encode([
    maps:from_list([{Key, Plain(Key, Value)} || {Key, Value} <- Items])
    || Items <- rabbit_amqqueue:info_all(%s, [%s])
])).
"""

# A channel of a client that was killed may still declare the client's queue: wait for its end.
_CLEAR = """
V = <<"/">>, U = <<"tests">>,
[(catch rabbit_networking:close_connection(P, "cleared")) ||
    P <- rabbit_networking:connections()],
Wait = fun Again(0) -> error(channels_left);
           Again(N) -> rabbit_channel:list_local() =:= []
               orelse begin timer:sleep(10), Again(N - 1) end
       end,
Wait(3000),
[rabbit_amqqueue:delete(Q, false, false, U) || Q <- rabbit_amqqueue:list(V)],
[rabbit_exchange:delete(N, false, U) ||
    {resource, _, exchange, X} = N <- rabbit_exchange:list_names(),
    X =/= <<>>, binary:match(X, <<"amq.">>) =:= nomatch],
[rabbit_auth_backend_internal:delete_user(N, U) ||
    [{user, N} | _] <- rabbit_auth_backend_internal:list_users(), N =/= <<"guest">>],
ok.
"""

# A connection may be just beginning or ending.
_CLOSE_ALL = """
[(catch rabbit_networking:close_connection(P, "closed by the test")) ||
    P <- rabbit_networking:connections()],
ok.
"""

# Publishers stay connected: one whose commit is cut off cannot know what became of it.
_CLOSE_EXPORTERS = """
[(catch rabbit_networking:close_connection(P, "closed by the test")) ||
    P <- rabbit_networking:connections(),
    [{client_properties, Properties}] <- [(catch rabbit_reader:info(P, [client_properties]))],
    is_list(Properties),
    {<<"product">>, _, <<"xivo-exporter">>} <- Properties],
ok.
"""


class Depth(NamedTuple):
    """What a passive declare tells: messages ready (not those unacknowledged), consumers."""

    ready: int
    consumers: int


class Broker(RabbitNode):
    """The telephony server's message bus."""

    def url(self, *, user: str = GUEST, password: str = GUEST, vhost: str = "/") -> str:
        """Return the AMQP address."""
        return _url("amqp", f"127.0.0.1:{self.port}", user, password, vhost)

    def tls_url(
        self,
        *,
        user: str = GUEST,
        password: str = GUEST,
        vhost: str = "/",
        host: str = "localhost",
    ) -> str:
        """Return the AMQPS address; the certificate has the hosts `localhost` and `127.0.0.1`."""
        assert self.tls_port is not None, "this broker has no TLS listener"
        return _url("amqps", f"{host}:{self.tls_port}", user, password, vhost)

    # By the console of the node

    @property
    def version(self) -> tuple[int, ...]:
        """The version of RabbitMQ, such as (3, 10, 8)."""
        text: str = json.loads(self.eval("rabbit_misc:version()."))
        return tuple(map(int, text.split(".")))

    def queues(self, vhost: str = "/") -> dict[str, dict[str, Any]]:
        """Return every AMQP queue by name: messages, consumers, arguments, durable and so on."""
        listing = self.eval(_LIST_QUEUES % (erlang(vhost), ", ".join(_QUEUE_COLUMNS)))
        return {queue["name"]: queue for queue in json.loads(listing)}

    def add_user(
        self, name: str, password: str, configure: str = "", write: str = "", read: str = ""
    ) -> None:
        """Add a user with rights on the vhost `/`: patterns, of which "" allows nothing."""
        who = f"{erlang(name)}, {erlang(password)}"
        self.eval(f"rabbit_auth_backend_internal:add_user({who}, <<>>).")
        self.set_permissions(name, configure, write, read)

    def set_permissions(
        self,
        user: str,
        configure: str = ".*",
        write: str = ".*",
        read: str = ".*",
        *,
        vhost: str = "/",
    ) -> None:
        """Give a user these rights on a vhost, by default all of them."""
        terms = ", ".join(map(erlang, (user, vhost, configure, write, read)))
        self.eval(f"rabbit_auth_backend_internal:set_permissions({terms}, <<>>).")

    @contextmanager
    def vhosts(self, *names: str, queue_type: str = "") -> Iterator[None]:
        """Let there be these vhosts, with an exchange `xivo` in each of them.

        Args:
            names: Of the vhosts.
            queue_type: Their default queue type; "" for the usual one.
        """
        for name in names:
            self.eval(f"rabbit_vhost:add({erlang(name)}, <<>>).")
            if kind := default_queue_type(name, queue_type):
                self.eval(kind)
            self.set_permissions(GUEST, vhost=name)
            self.declare_exchange("xivo", vhost=name)
        yield
        for name in names:
            self.eval(f"rabbit_vhost:delete({erlang(name)}, <<>>).")

    def clear_permissions(self, user: str) -> None:
        """Take from a user all rights on the vhost `/`."""
        self.eval(f'rabbit_auth_backend_internal:clear_permissions({erlang(user)}, <<"/">>, <<>>).')

    def change_password(self, user: str, password: str) -> None:
        """Give a user another password."""
        who = f"{erlang(user)}, {erlang(password)}"
        self.eval(f"rabbit_auth_backend_internal:change_password({who}, <<>>).")

    def exchanges(self) -> list[str]:
        """Return the names of all exchanges of the vhost `/`, sorted."""
        names = '[Name || {_, <<"/">>, _, Name} <- rabbit_exchange:list_names()]'
        return sorted(json.loads(self.eval(f"iolist_to_binary(rabbit_json:encode({names})).")))

    def bindings(self) -> str:
        """Return all bindings of the vhost `/`, as Erlang writes them."""
        return self.eval('lists:sort(rabbit_binding:list(<<"/">>)).')

    def connections(self, what: str) -> str:
        """Return something about every connection, as Erlang writes it."""
        return self.eval(f"rabbit_networking:connection_info_all([{what}]).")

    def close_connections(self) -> None:
        """Close every client's connection with an AMQP error, as an administrator can."""
        self.eval(_CLOSE_ALL)

    def close_exporters(self) -> None:
        """The same, but only those of exporters."""
        self.eval(_CLOSE_EXPORTERS)

    def clear(self) -> None:
        """Close all connections; delete all queues, exchanges and users that tests have made."""
        self.eval(_CLEAR)

    # By AMQP: one connection for each call takes 3 ms and owes nothing to earlier faults

    @contextmanager
    def channel(
        self, vhost: str = "/", *, user: str = GUEST, password: str = GUEST
    ) -> Iterator[Any]:
        """Connect and open a py-amqp channel; no call on it waits longer than a minute."""
        connection = amqp.Connection(
            f"127.0.0.1:{self.port}",
            userid=user,
            password=password,
            virtual_host=vhost,
            connect_timeout=60,
            read_timeout=60,
            write_timeout=60,
        )
        with connection:
            yield connection.channel()

    def declare_exchange(self, name: str, kind: str = "topic", *, vhost: str = "/") -> None:
        """Declare a durable exchange, as the telephony server does."""
        with self.channel(vhost) as channel:
            channel.exchange_declare(name, kind, durable=True, auto_delete=False)

    def declare_queue(
        self, name: str, arguments: Mapping[str, Any] | None = None, **options: bool
    ) -> None:
        """Declare an AMQP queue, durable and not auto-delete unless the options say so."""
        options = {"durable": True, "auto_delete": False, **options}
        with self.channel() as channel:
            channel.queue_declare(name, arguments=dict(arguments or {}), **options)

    def bind(
        self,
        queue: str,
        exchange: str,
        routing_key: str = "",
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        """Bind an AMQP queue."""
        with self.channel() as channel:
            channel.queue_bind(queue, exchange, routing_key, arguments=dict(arguments or {}))

    def delete_queue(self, name: str) -> None:
        """Delete an AMQP queue with all that is in it."""
        with self.channel() as channel:
            channel.queue_delete(name)

    def depth(self, name: str) -> Depth:
        """Return the depth of an AMQP queue; asking restarts its expiry."""
        with self.channel() as channel:
            declared = channel.queue_declare(name, passive=True)
            return Depth(declared.message_count, declared.consumer_count)

    def publish(
        self,
        exchange: str,
        routing_key: str,
        body: Body,
        *,
        content_type: str | None = None,
        headers: Mapping[str, Any] | None = None,
        **properties: Any,  # noqa: ANN401 -- AMQP properties have various types
    ) -> None:
        """Publish one message and return when it is in its queues, stored if they are durable.

        Args:
            exchange: Name of an exchange that exists.
            routing_key: Routing key.
            body: Bytes go out as `application/data`, text as `text/plain`, the rest as JSON.
            content_type: What to say instead.
            headers: Application headers.
            properties: Other AMQP properties, such as `content_encoding` or `message_id`.
        """
        message = [(routing_key, body)]
        self.publish_all(
            exchange, message, content_type=content_type, headers=headers, **properties
        )

    def publish_all(
        self,
        exchange: str,
        messages: Iterable[tuple[str, Body]],
        *,
        content_type: str | None = None,
        headers: Mapping[str, Any] | None = None,
        **properties: Any,  # noqa: ANN401 -- AMQP properties have various types
    ) -> None:
        """Publish pairs of routing key and body in their order, all or (on an error) none."""
        with self.channel() as channel:
            # The commit waits until all is in its queues, and on disk where a queue is durable.
            channel.tx_select()
            for routing_key, body in messages:
                raw, kind, encoding = _encoded(body)
                given = {"content_encoding": encoding, "delivery_mode": 2, **properties}
                message = amqp.Message(
                    raw,
                    content_type=content_type or kind,
                    application_headers=dict(headers or {}),
                    **given,
                )
                channel.basic_publish(message, exchange, routing_key)
            channel.tx_commit()


def _url(scheme: str, address: str, user: str, password: str, vhost: str) -> str:
    path = "/" if vhost == "/" else quote(vhost, safe="")
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{address}/{path}"


def erlang(text: str) -> str:
    """Return a text as Erlang writes a binary."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'<<"{escaped}"/utf8>>'


def _encoded(body: Body) -> tuple[bytes, str, str]:
    """Return the bytes of a body, its content type and encoding, as kombu would choose them."""
    if isinstance(body, bytes):
        return body, "application/data", "binary"
    if isinstance(body, str):
        return body.encode(), "text/plain", "utf-8"
    return json.dumps(body).encode(), "application/json", "utf-8"
