"""What must be so when all is over, judged by other means than ours where there are any: psql, curl, SHA-256."""
import collections
import concurrent.futures
import hashlib

from nodes import list_site, read_pairs


class Findings:
    def __init__(self):
        self.counts = collections.OrderedDict()
        self.bad = []

    def count(self, what, n):
        self.counts[what] = n

    def wrong(self, text):
        self.bad.append(text)


def jobs_left(site):
    """Those that are not done, by state; the table itself is asked."""
    names = {0: "not due", 1: "ready", 2: "claimed", 3: "failed"}
    rows = site.engines.sql(f"SELECT state, count(*) FROM {site.schema}.job GROUP BY state")
    return collections.Counter({names[int(state)]: int(n) for state, n in rows})


def judge_jobs(site, f, puts=None):
    """puts: how often each was put, where that may be more than once."""
    for state, n in jobs_left(site).items():
        f.wrong(f"{n} jobs are {state}")
    done = collections.defaultdict(list)
    for stage, name, attempt in site.engines.sql(f"SELECT stage, name, attempt FROM {site.schema}.job_done"):
        done[name].append(int(attempt))
        if len(done[name]) > (puts[name] if puts else 1):
            f.wrong(f"done {len(done[name])} times: {name} of {stage}")
    f.count("jobs done", sum(len(those) for those in done.values()))
    f.count("attempts beyond the first", sum(sum(those) - len(those) for those in done.values()))
    lost = site.engines.sql(f"SELECT coalesce(sum(lost), 0) FROM {site.schema}.job_stage")
    f.count("leases that ran out", lost[0][0])
    return done


def judge_parts(site):
    """The doors alone: every file that was acknowledged is in the store, its job was done once, and so is its copy."""
    f = Findings()
    acks = [(sha, name, r) for r in site.receivers for sha, name in read_pairs(f"{r.root}/acks")]
    f.count("files acknowledged", len(acks))
    puts = collections.Counter(name for r in site.receivers for _, name in read_pairs(f"{r.root}/puts"))
    f.count("jobs put again, as nobody knew whether they were", sum(puts.values()) - len(puts))
    done = judge_jobs(site, f, puts)
    told = collections.Counter(name for w in site.workers for name, _ in read_pairs(f"{w.root}/done"))
    for name, n in told.items():
        if n > len(done[name]):
            f.wrong(f"{name}: {n} workers were told that they have done it, {len(done[name])} have")
    f.count("… whose worker never heard it", sum(len(those) for those in done.values()) - sum(told.values()))
    f.count("results refused: somebody else had the job", sum(len(read_pairs(f"{w.root}/lost")) for w in site.workers))
    for name in set(done) - {name for _, name, _ in acks}:
        f.wrong(f"{name}: a job of nothing")
    bucket, turned = site.engines.env["DASHSPOOL_TEST_BUCKET"], bytes(i ^ 0x5A for i in range(256))

    def look(ack):
        sha, name, _ = ack
        if name not in done:
            f.wrong(f"{name}: acknowledged, and its job is not done")
        status, body = site.engines.s3("GET", f"/{bucket}/{site.prefix}/masters/{sha[:2]}/{sha}")
        if status != 200 or hashlib.sha256(body).hexdigest() != sha:
            f.wrong(f"lost or altered: {name}, {sha}: {status}, {len(body)} bytes")
            return
        copy = hashlib.sha256(body.translate(turned)).hexdigest()
        status, there = site.engines.s3("GET", f"/{bucket}/{site.prefix}/copies/{copy[:2]}/{copy}")
        if status != 200 or hashlib.sha256(there).hexdigest() != copy:
            f.wrong(f"no right copy of {name}: {status}, {len(there)} bytes")

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(look, acks))
    f.count("originals and copies, read and hashed", 2 * len(acks))
    unknown = set(site.engines.keys(f"{site.prefix}/masters/")) - {
        f"{site.prefix}/masters/{sha[:2]}/{sha}" for sha, _, _ in acks}
    f.count("objects without an acknowledgement", len(unknown))
    return f


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

    judge_jobs(site, f)
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
