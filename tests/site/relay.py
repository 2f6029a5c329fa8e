"""A wire between two machines that breaks where one wants it to.

A Relay listens on a port of the loopback and hands on to another one. It knows a little of what
goes through it, enough to stop at a marked point: a PUT of an object, a COMMIT, the word by which a
camera may delete its file. What breaks is decided by the test, never by chance here.

    relay.cut()          nothing goes through any more, and nobody is told: packets are lost
    relay.heal()
    relay.trap(POINT, n, act)   at the n-th such point from now on act(relay) is called, in the relay's
                         thread, while the bytes of that point are held; then both connections end
                         without them. Returns a Trap: .sprung tells whether it has happened.

Points: each is the moment before these bytes go on.
    put          a PUT of an object, before the store hears of it
    put-done     its answer: the store has it
    commit       a COMMIT, or a statement that is one by itself, before the database hears of it
    commit-done  its answer: the database has it
    claim, claim-done, finish, finish-done  likewise, of a worker's claim of a job, and of its end
    ack          the word to the camera that its file is safe
"""
import asyncio
import threading


class Loop(threading.Thread):
    """One thread for all wires."""

    def __init__(self):
        super().__init__(daemon=True)
        self.loop = asyncio.new_event_loop()
        self.start()

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)


class Trap:
    def __init__(self, point, n, act):
        self.point, self.left, self.act = point, n, act
        self.sprung = threading.Event()


# What the words of a statement are the beginning of.
STATEMENTS = ((b"COMMIT", ("commit",)), (b"INSERT INTO job_done", ("commit", "finish")),
              (b"SET state = 2", ("commit", "claim")), (b"INSERT INTO job(", ("commit",)))


def points_of(statement):
    return [p for words, points in STATEMENTS if words in statement for p in points]


class Messages:
    """What a client of PostgreSQL says (its documentation, "Message Formats"): a statement that was prepared is known
    by its name from then on."""

    STARTUP = 196608

    def __init__(self):
        self.rest, self.started, self.prepared = b"", False, {}

    def feed(self, data):
        """The points that are in these bytes."""
        out = []
        self.rest += data
        while True:
            head = 0 if not self.started else 1
            if len(self.rest) < head + 4:
                return out
            n = head + int.from_bytes(self.rest[head:head + 4], "big")
            if len(self.rest) < n:
                return out
            kind, body, self.rest = self.rest[:head], self.rest[head + 4:n], self.rest[n:]
            if not self.started:
                self.started = int.from_bytes(body[:4], "big") == self.STARTUP
            elif kind == b"Q":
                out += points_of(body)
            elif kind == b"P":
                name, statement = body.split(b"\0", 2)[:2]
                self.prepared[name] = points_of(statement)
            elif kind == b"B":
                out += self.prepared.get(body.split(b"\0", 2)[1], [])


class Pair:
    """One connection and its other half."""

    def __init__(self, near, far, is_database):
        self.near, self.far = near, far
        self.asked = []  # points whose answer has not come
        self.messages = Messages() if is_database else None

    def points(self, data, upward):
        """What this piece is the beginning of."""
        if upward:
            if self.messages:
                out = list(dict.fromkeys(self.messages.feed(data)))
            else:
                out = ["put"] if data.startswith(b"PUT /") else []
            self.asked += out
            return out
        if data.startswith(b"HTTP/1.1 1"):
            return []
        out, self.asked = [f"{p}-done" for p in self.asked], []
        if data.endswith(b"\x00\x09") or data.endswith(b"\x00\x05\x00\x04\x00\x00\x00\x00"):
            out.append("ack")
        return out

    def close(self):
        for half in (self.near, self.far):
            try:
                half[1].transport.abort()
            except Exception:
                pass


class Relay:
    def __init__(self, loop, to_port, name="", is_database=False):
        self.is_database = is_database
        self.loop, self.to_port, self.name = loop, to_port, name
        self.open = asyncio.Event()  # not cut
        self.pairs = set()
        self.traps = []
        self.bytes = self.connections = 0
        self.port = loop.call(self._listen())

    async def _listen(self):
        self.open.set()
        self.server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=256)
        return self.server.sockets[0].getsockname()[1]

    async def _connected(self, reader, writer):
        self.connections += 1
        await self.open.wait()
        try:
            far = await asyncio.open_connection("127.0.0.1", self.to_port)
        except OSError:
            writer.transport.abort()
            return
        pair = Pair((reader, writer), far, self.is_database)
        self.pairs.add(pair)
        await asyncio.gather(
            self._hand_on(pair, reader, far[1], True), self._hand_on(pair, far[0], writer, False)
        )
        pair.close()
        self.pairs.discard(pair)

    async def _hand_on(self, pair, reader, writer, upward):
        try:
            while data := await reader.read(65536):
                await self.open.wait()
                for point in pair.points(data, upward):
                    if self._sprung(point):
                        pair.close()
                        return
                self.bytes += len(data)
                writer.write(data)
                await writer.drain()
            await self.open.wait()
            if writer.can_write_eof():
                writer.write_eof()
        except OSError:
            pair.close()

    def _sprung(self, point):
        for trap in self.traps:
            if trap.point != point:
                continue
            trap.left -= 1
            if trap.left > 0:
                continue
            self.traps.remove(trap)
            trap.act(self)
            trap.sprung.set()
            return True
        return False

    # ---- from other threads ----

    def cut(self):
        self.loop.loop.call_soon_threadsafe(self.open.clear)

    def heal(self):
        self.loop.loop.call_soon_threadsafe(self.open.set)

    def refuse(self):
        """For good: nobody listens there any more, as on a machine whose server is gone. Who asks hears so at once;
        libpq goes on to its next host then, and does not after a connection that is taken and ended."""
        self.loop.loop.call_soon_threadsafe(self.server.close)
        self.drop_all()

    def drop_all(self):
        """All connections end at once."""

        def drop():
            for pair in list(self.pairs):
                pair.close()

        self.loop.loop.call_soon_threadsafe(drop)

    def trap(self, point, n=1, act=lambda relay: None):
        trap = Trap(point, n, act)
        self.loop.loop.call_soon_threadsafe(self.traps.append, trap)
        return trap

    def untrap(self):
        self.loop.loop.call_soon_threadsafe(self.traps.clear)
