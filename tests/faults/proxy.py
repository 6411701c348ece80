"""A TCP proxy on 127.0.0.1 that misbehaves when told to: cuts, delays, throttles, resets, goes silent, loses answers.

It runs in a thread with an event loop of its own, so that it goes on while a test is busy.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

CHUNK_BYTES = 64 * 1024
RESET = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close() sends RST, and what was not sent is lost


@dataclass
class Weather:
    """How the proxy behaves now; changed while it runs.

    Attributes:
        refusing: new connections are closed at once.
        silent: nothing is forwarded any more; connections made meanwhile stay so for ever.
        latency_s: each piece of an answer comes so much later.
        bytes_per_s: how fast answers and requests go; None for no bound.
    """

    refusing: bool = False
    silent: bool = False
    latency_s: float = 0.0
    bytes_per_s: int | None = None


@dataclass(eq=False)
class Connection:
    """A client and the server that it reaches through us."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    dead: bool = False  # half open: neither end hears of the other again
    losing_answer: bool = False

    def reset(self) -> None:
        """RST to both ends."""
        for writer in (self.client, self.server):
            own = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()

    def close(self) -> None:
        """FIN to both ends."""
        for writer in (self.client, self.server):
            writer.close()


@dataclass
class Proxy:
    """Stands before one server.

    Attributes:
        upstream: port of the server on 127.0.0.1.
        port: ours.
        lost_answers: how many answers were thrown away so far.
    """

    upstream: int
    port: int = 0
    lost_answers: int = 0
    weather: Weather = field(default_factory=Weather)
    _connections: set[Connection] = field(default_factory=set)
    _losing: tuple[tuple[bytes, ...], int] = ((), 0)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _ending: asyncio.Event = field(default_factory=asyncio.Event)

    def cut(self) -> None:
        """End every connection; new ones are refused until `heal`."""
        self.weather.refusing = True
        self._each(Connection.close)

    def reset(self) -> None:
        """End every connection by RST; new ones get the same until `heal`."""
        self.weather.refusing = True
        self._each(Connection.reset)

    def go_silent(self) -> None:
        """Let every connection stand and carry nothing, as after a cable was pulled; new ones too, until `heal`."""
        self.weather.silent = True
        self._each(lambda connection: setattr(connection, "dead", True))

    def slow(self, *, latency_s: float = 0.0, bytes_per_s: int | None = None) -> None:
        """Delay or throttle from now on."""
        self.weather.latency_s, self.weather.bytes_per_s = latency_s, bytes_per_s

    def lose_answers(self, *requests: bytes, count: int) -> None:
        """The next requests that hold one of these bytes reach the server; their answers do not come back."""
        self._losing = (requests, count)

    def heal(self) -> None:
        """New connections are as they should be; those that went silent stay silent."""
        self.weather = Weather()
        self._losing = ((), 0)

    def _each(self, act: Callable[[Connection], None]) -> None:
        def on_all() -> None:
            for connection in list(self._connections):
                act(connection)

        self._loop.call_soon_threadsafe(on_all)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self.weather.refusing:
            client.transport.abort()
            return
        try:
            answers, server = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            client.transport.abort()
            return
        connection = Connection(client, server, dead=self.weather.silent)
        self._connections.add(connection)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._requests(connection, reader, server))
                tasks.create_task(self._answers(connection, answers, client))
        except* OSError:
            pass
        finally:
            self._connections.discard(connection)
            if not connection.dead:
                connection.close()

    async def _requests(
        self, connection: Connection, reader: asyncio.StreamReader, server: asyncio.StreamWriter
    ) -> None:
        tail = b""
        while piece := await reader.read(CHUNK_BYTES):
            await self._hold(connection, len(piece), 0.0)
            tail = self._notice(connection, tail + piece)
            server.write(piece)
            await server.drain()
        server.close()

    async def _answers(
        self, connection: Connection, reader: asyncio.StreamReader, client: asyncio.StreamWriter
    ) -> None:
        while piece := await reader.read(CHUNK_BYTES):
            if connection.losing_answer:
                self.lost_answers += 1
                connection.reset()
                return
            await self._hold(connection, len(piece), self.weather.latency_s)
            client.write(piece)
            await client.drain()
        client.close()

    def _notice(self, connection: Connection, sent: bytes) -> bytes:
        """Mark the connection where the request is one to be lost; returns what the next piece may continue."""
        requests, count = self._losing
        if count and not connection.losing_answer and any(request in sent for request in requests):
            self._losing = (requests, count - 1)
            connection.losing_answer = True
        return sent[-max((len(request) for request in requests), default=0) :] if requests else b""

    async def _hold(self, connection: Connection, size: int, latency_s: float) -> None:
        if latency_s:
            await asyncio.sleep(latency_s)
        if self.weather.bytes_per_s:
            await asyncio.sleep(size / self.weather.bytes_per_s)
        if connection.dead:
            await asyncio.Future()  # until the proxy ends

    def _run(self, started: threading.Event) -> None:
        async def main() -> None:
            # A small buffer, so that a bound on the speed is felt by who sends, not by our memory.
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=CHUNK_BYTES)
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            await self._ending.wait()
            server.close()
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(main())
        self._loop.close()


@contextlib.contextmanager
def proxy(upstream: int) -> Iterator[Proxy]:
    """A proxy before a port of 127.0.0.1, gone afterwards with all its connections."""
    made = Proxy(upstream)
    started = threading.Event()
    thread = threading.Thread(target=made._run, args=(started,), name=f"proxy-{upstream}", daemon=True)
    thread.start()
    assert started.wait(10), "the proxy did not start"
    try:
        yield made
    finally:
        made._loop.call_soon_threadsafe(made._ending.set)
        thread.join(10)
