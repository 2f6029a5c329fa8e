"""The machines of a site, on one machine: receivers behind haproxy, workers, and cameras."""
import hashlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time

from relay import Relay


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def read_env(path):
    with open(path) as file:
        return dict(line.rstrip("\n").split("=", 1) for line in file)


class Engines:
    """What tests/site/engines has started."""

    def __init__(self, directory):
        self.dir = directory
        self.env = read_env(f"{directory}/env")
        self.script = os.path.join(os.path.dirname(__file__), "engines")
        self.ports = {n: int(open(f"{directory}/{n}.port").read()) for n in ("primary", "standby")}
        self.ports["ceph"] = int(self.env["DASHSPOOL_TEST_OBJECTS"].rsplit(":", 1)[1])
        self.leader = "primary"

    def do(self, what, *part):
        subprocess.run([self.script, what, self.dir, *part], check=True, stdout=subprocess.DEVNULL)

    def sql(self, text, user="postgres", database="dashspool"):
        """Rows of text, of the database that leads now; each call a connection of its own."""
        pg = subprocess.run(
            ["psql", "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p",
             str(self.ports[self.leader]), "-U", user, "-d", database, "-c", text],
            check=True, capture_output=True, text=True, timeout=60)
        return [line.split("\t") for line in pg.stdout.splitlines()]

    def s3(self, method, path, query=""):
        """A request to the store that does not go through our program. (status, bytes)"""
        empty = hashlib.sha256(b"").hexdigest()
        url = f"{self.env['DASHSPOOL_TEST_OBJECTS']}{path}{query}"
        keys = f"{self.env['AWS_ACCESS_KEY_ID']}:{self.env['AWS_SECRET_ACCESS_KEY']}"
        curl = subprocess.run(
            ["curl", "-s", "-m", "60", "-X", method, "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", keys,
             "-H", f"x-amz-content-sha256: {empty}", "-w", "\n%{http_code}", url],
            check=True, capture_output=True)
        body, _, status = curl.stdout.rpartition(b"\n")
        return int(status), body

    def keys(self, prefix):
        """All keys below a prefix of the bucket, with their sizes."""
        out, after = {}, ""
        bucket = self.env["DASHSPOOL_TEST_BUCKET"]
        while True:
            # curl signs the query as it stands: sorted, and encoded
            query = "?list-type=2&prefix=" + prefix.replace("/", "%2F")
            if after:
                query = "?list-type=2&prefix=" + prefix.replace("/", "%2F") + "&start-after=" + after.replace("/", "%2F")
            status, body = self.s3("GET", f"/{bucket}", query)
            if status != 200:
                raise RuntimeError(f"the store does not list: {status} {body[:300]}")
            text = body.decode()
            found = re.findall(r"<Key>([^<]+)</Key>.*?<Size>(\d+)</Size>", text, re.S)
            out.update({k: int(n) for k, n in found})
            if "<IsTruncated>true" not in text or not found:
                return out
            after = found[-1][0]


PROGRAM_SETTINGS = """[receive]
listen = 127.0.0.1:{port}
proxy_from = 127.0.0.1
[convert]
copies = working
nice = 0
backoff = 1 s
backoff_max = 3 s
retries = 100
"""


class Node:
    """A machine: a ROOT of its own, wires of its own to the engines, one program that is started again when it dies."""

    def __init__(self, site, name, *command):
        self.site, self.name = site, name
        self.root = f"{site.dir}/{name}"
        self.command = [word.replace("ROOT", self.root) for word in command]
        self.log = f"{site.dir}/{name}.log"
        engines = site.engines
        self.wires = {part: Relay(site.loop, port, f"{name}-{part}", part != "ceph")
                      for part, port in engines.ports.items()}
        self.process = None
        self.stopped = False  # by us: not to be started again
        self.deaths = []  # (when, how)
        self.port = free_port()
        self.write("pipeline.d", self.settings() + PROGRAM_SETTINGS.format(port=self.port))
        self.write("site.conf.d", self.settings())

    def settings(self):
        e, w = self.site.engines.env, self.wires
        return (
            "[site]\n"
            f"database = postgresql://dashspool@127.0.0.1:{w['primary'].port},127.0.0.1:{w['standby'].port}"
            "/dashspool?target_session_attrs=read-write\n"
            f"schema = {self.site.schema}\n"
            f"objects = s3://{e['DASHSPOOL_TEST_BUCKET']}/{self.site.prefix}\n"
            f"endpoint = http://127.0.0.1:{w['ceph'].port}\n"
            f"node = {self.name}\n"
            f"ack_wait = {self.site.ack_wait} s\nlease = {self.site.lease} s\n"
        )

    def write(self, directory, text):
        os.makedirs(f"{self.root}/{directory}", exist_ok=True)
        with open(f"{self.root}/{directory}/05-site.conf", "w") as file:
            file.write(text)

    def environment(self):
        keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        return {**os.environ, **{k: self.site.engines.env[k] for k in keys}}

    def run(self, *words, timeout=120):
        """A command of a person on this machine."""
        return subprocess.run([self.site.program, "--root", self.root, *words], capture_output=True,
                              env=self.environment(), timeout=timeout)

    def start(self):
        self.stopped = False
        log = open(self.log, "ab")
        self.process = subprocess.Popen(
            self.command, stdout=log, stderr=log,
            stdin=subprocess.DEVNULL, env=self.environment(), start_new_session=True)
        log.close()

    def signal(self, signum):
        """To all of its processes, as when a machine stops."""
        try:
            os.killpg(self.process.pid, signum)
        except ProcessLookupError:
            pass

    def kill(self):
        self.signal(signal.SIGKILL)

    def end(self):
        """As systemd ends it."""
        self.stopped = True
        self.signal(signal.SIGCONT)
        try:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
        except (subprocess.TimeoutExpired, ProcessLookupError):
            self.kill()
            self.process.wait()
            return False
        self.kill()
        return True

    def watch(self):
        """Called again and again: what died is started again, as systemd does."""
        if self.process and not self.stopped and self.process.poll() is not None:
            self.deaths.append((time.time(), self.process.returncode))
            self.kill()  # what its death left running
            self.start()

    def cut(self, *parts):
        for part in parts:
            self.wires[part].cut()

    def heal(self):
        for wire in self.wires.values():
            wire.heal()
            wire.untrap()


def read_pairs(path):
    """Lines of two words; none of a file that is not there."""
    try:
        with open(path) as file:
            return [tuple(line.split()) for line in file]
    except FileNotFoundError:
        return []


class Camera(threading.Thread):
    """Hands over its files, one after the other, and comes again with each until it is acknowledged."""

    def __init__(self, site, number, files, pace):
        super().__init__(daemon=True)
        self.site, self.files, self.pace = site, files, pace
        body = f"35{number:012d}"
        total = 0
        for i, c in enumerate(reversed(body)):
            d = int(c) * (2 if i % 2 == 0 else 1)
            total += d - 9 if d > 9 else d
        self.imei = body + str(-total % 10)
        self.chance = random.Random(f"{site.seed}/{number}")
        self.acknowledged = {}  # sha256 -> path
        self.tries = 0

    def hand_over(self, to, path, at):
        """True: the receiver has acknowledged it, and a camera would delete it now."""
        is_photo = path.endswith(".jpg")
        self.tries += 1
        got = subprocess.run(
            [self.site.program, "simulate", "--to", to, "--imei", self.imei, "--time", at, "--timeout", "25",
             "--photo-front" if is_photo else "--rear", path],
            capture_output=True, text=True)
        return got.returncode == 0 and "files uploaded: 1," in got.stderr

    def run(self):
        for i, path in enumerate(self.files):
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1732865000 + 600 * i))
            time.sleep(self.pace * self.chance.random())
            while not self.site.over.is_set():
                to = f"127.0.0.1:{self.site.balancer}"
                if self.hand_over(to, path, at):
                    with open(path, "rb") as file:
                        self.acknowledged[hashlib.sha256(file.read()).hexdigest()] = path
                    break
                time.sleep(0.2 + self.chance.random())


def make_photo(original, number):
    """The same picture with a comment of its own: another file, as good as the first."""
    text = f"dashspool site test, photo {number}".encode()
    return original[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + original[2:]


def list_site(node):
    """What `dashspool list` says on that machine."""
    got = node.run("list", "--json")
    if got.returncode != 0:
        raise RuntimeError(f"list on {node.name}: {got.stderr.decode()[:300]}")
    return json.loads(got.stdout)
