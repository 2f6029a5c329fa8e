"""What must be so when all is over, judged by other means than ours where there are any: psql, curl, SHA-256."""
import collections
import hashlib

from nodes import list_site


class Findings:
    def __init__(self):
        self.counts = collections.OrderedDict()
        self.bad = []

    def count(self, what, n):
        self.counts[what] = n

    def wrong(self, text):
        self.bad.append(text)


def waiting(node):
    """Jobs that are not done, by state, of all stages; as the program counts them."""
    import json

    got = node.run("status", "--json")
    jobs = json.loads(got.stdout)["jobs"]
    out = collections.Counter()
    for stage in jobs.values():
        for state in ("ready", "waiting", "claimed", "failed"):
            out[state] += stage[state]
    return out


def judge(site, acknowledged):
    """acknowledged: sha256 -> (imei, path of the file)."""
    f = Findings()
    node = site.receivers[0]
    rows = list_site(node)
    stored = [r for r in rows if r["state"] == "stored"]
    by_sha = collections.defaultdict(list)
    for r in stored:
        by_sha[r["sha256"]].append(r)
    f.count("files acknowledged to cameras", len(acknowledged))
    f.count("transfers in the database", len(rows))

    # the database itself, not through our program
    told = {row[0]: row[1] for row in site.engines.sql(
        f"SELECT sha256, imei FROM {site.schema}.transfer WHERE state = 'stored'")}
    for sha, (imei, path) in acknowledged.items():
        if told.get(sha) != imei:
            f.wrong(f"lost: {path} of {imei} was acknowledged, and is not in the database ({sha})")
    for sha, those in by_sha.items():
        if len(those) > 1:
            f.wrong(f"doubled: {' '.join(r['id'] for r in those)} are the same file")

    # the store: every row has its object, and every byte of it is right
    prefix = f"{site.prefix}/masters/"
    keys = site.engines.keys(prefix)
    bucket = site.engines.env["DASHSPOOL_TEST_BUCKET"]
    masters = {k.rsplit("/", 1)[1]: k for k in keys if not k.endswith(".json")}
    altered = 0
    for sha in told:
        key = f"{prefix}{sha[:2]}/{sha}"
        if sha not in masters:
            f.wrong(f"no object of a row: {key}")
            continue
        status, body = site.engines.s3("GET", f"/{bucket}/{key}")
        if status != 200 or hashlib.sha256(body).hexdigest() != sha:
            altered += 1
            f.wrong(f"altered: {key}: {status}, {len(body)} bytes")
    f.count("originals in the store, read and hashed", len(told))
    f.count("objects that no row knows (they may be there)", len(set(masters) - set(told)))

    # each job done once in effect
    jobs = waiting(node)
    for state in ("ready", "waiting", "claimed", "failed"):
        if jobs[state]:
            f.wrong(f"{jobs[state]} jobs are {state}")
    copies = 0
    for r in stored:
        kinds = [c["kind"] for c in r["copies"]]
        copies += len(kinds)
        if len(kinds) != len(set(kinds)) or not kinds:
            f.wrong(f"{r['id']} has the copies {kinds}")
    f.count("copies", copies)

    # our own judge: chains of custody, and all bytes once more
    got = node.run("fsck", timeout=300)
    if got.returncode != 0:
        for line in (got.stdout + got.stderr).decode().splitlines()[:10]:
            f.wrong(f"fsck: {line}")
    else:
        f.count("fsck", got.stdout.decode().strip().splitlines()[-1])
    return f
