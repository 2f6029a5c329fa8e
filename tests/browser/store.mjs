// A store with real footage, made by dashspool's own commands, and the programs that serve it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const top = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const program = resolve(process.env.DASHSPOOL ?? join(top, 'build/dev/dashspool'));
const sample = (name) => join(top, 'samples', name);
const data = (name) => join(top, 'tests/data', name);

// What people, cameras and trackers might write to have a page run it, and each a way out of another context.
export const evil = {
    element: '<img src=x onerror=bad()>',
    attribute: `"' onfocus=bad() autofocus x="`,
    script: '</script><script>bad()</script>',
    title: '</title></textarea></style><svg onload=bad()>',
    address: 'javascript:bad()',
    hidden: 'abc\u202Etxt.exe\u0007',
};

// Yesterday: what trackers tell of long ago is set aside. A store that is kept has the day of its making.
const kept = process.env.BROWSER_STORE;
const keptDay = kept && existsSync(join(kept, 'day')) ? readFileSync(join(kept, 'day'), 'utf8') : null;
export const day = keptDay ?? new Date(Date.now() - 86400000).toISOString().slice(0, 10);

const driver = '<b>x"\'</b>'; // its camera has room for ten characters

// The vehicles of the store; each has another thing that its pages have to show.
export const imei = {
    pair: '352093081452251', // front and rear on one clock, photo, a drive with telemetry
    damaged: '350000000000006',
    evil: '352093081429150',
    other: '352093085698206',
};

/* ---- programs ---- */

let all = [];

// Runs it to its end: what it printed; throws what it said if its status is another than expected.
export async function run(command, args, { status = 0, env = {}, input } = {}) {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '', told = '';
    child.stdout.on('data', (bytes) => (out += bytes));
    child.stderr.on('data', (bytes) => (told += bytes));
    child.stdin.end(input ?? '');
    const [code] = await once(child, 'close');
    if (status !== null && code !== status)
        throw new Error(`${command} ${args.join(' ')}: ${code}, not ${status}\n${told}${out}`);
    return out;
}

// Starts what goes on until it is stopped; resolves with the address when it says that it listens.
function start(args, env) {
    const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const it = { child, said: '' };
    all.push(it);
    it.address = new Promise((done, fail) => {
        child.stderr.on('data', (bytes) => {
            it.said += bytes;
            const at = /listening on (\S+)/.exec(it.said);
            if (at)
                done(at[1]);
        });
        child.on('close', (code) => fail(new Error(`dashspool ${args.join(' ')} ended (${code})\n${it.said}`)));
    });
    it.address.catch(() => {});
    return it;
}

async function stop(it) {
    all = all.filter((other) => other !== it);
    if (it.child.exitCode === null && it.child.signalCode === null) {
        const closed = once(it.child, 'close');
        it.child.kill('SIGTERM');
        await closed;
    }
}

process.on('exit', () => all.forEach((it) => it.child.kill('SIGKILL')));

/* ---- the store ---- */

// The overlay: the number of the picture, large, in the corner at the right, and nothing else there.
const settings = `
[convert]
copies = working,viewing,timing,poster,sheet
osd_template = {picture}
osd_position = bottom-right
osd_size = 2
telemetry_wait = 0
`;

const simulate = (shop, to, ...args) =>
    shop.run('simulate', '--to', to, '--tz', '+02:00', ...args);

// What the cameras and the trackers hand over, and what people drop.
async function fill(shop) {
    const receive = start(['receive', '--listen', '127.0.0.1:0'], shop.env);
    const telemetry = start(['telemetry', '--listen', '127.0.0.1:0'], shop.env);
    const to = await receive.address, trackers = await telemetry.address;

    await Promise.all([
        simulate(shop, to, '--imei', imei.pair, '--front', sample('front-20fps-10s-sound.h265'),
            '--rear', sample('rear-25fps-6s-silent.h265'), '--photo-front', sample('photo-720p.jpg'),
            '--time', shop.crash, '--lat', '54.7004183', '--lon', '25.25', '--trigger', 'crash',
            '--meta-version', '4', '--trigger-after', '3', '--length', '10', '--fps', '20'),
        shop.run('simulate', '--avl', trackers, '--imei', imei.pair, '--track', sample('drive.gpx'),
            '--avl-time', shop.drive, '--avl-period', '1', '--avl-stay', '0', '--avl-crash', '63'),
        // A drive of yesterday: a time that is believed.
        shop.run('simulate', '--avl', trackers, '--imei', imei.other, '--track', sample('drive.gpx'),
            '--avl-time', `${day}T10:00:00Z`, '--avl-period', '1', '--avl-stay', '0'),
    ]);
    await simulate(shop, to, '--imei', imei.damaged, '--front', data('ptmf/front-30fps-5s-gaps.h265'),
        '--time', '2024-11-28T22:10:00Z', '--trigger', 'towing', '--length', '5', '--fps', '30');
    await simulate(shop, to, '--imei', imei.damaged, '--rear', data('hevc-damaged/8k-zero-hole.h265'),
        '--time', '2024-11-27T06:00:00Z', '--trigger', 'din1', '--length', '2', '--fps', '25');
    // It breaks off: a partial transfer.
    await simulate(shop, to, '--imei', imei.other, '--front', data('hevc/road-720p25.h265'), '--fault',
        'disconnect=40', '--time', '2024-11-29T09:00:00Z', '--trigger', 'idling', '--length', '4', '--fps', '25')
        .catch(() => {});
    await simulate(shop, to, '--imei', imei.evil, '--dsm', sample('photo-720p.jpg'), '--driver', driver,
        '--events', '9', '--time', '2024-11-29T10:00:00Z', '--trigger', 'dsm-event');
    await simulate(shop, to, '--imei', imei.other, '--photo-front', data('jpeg/udacity-720p-straight_lines1.jpg'),
        '--photo-rear', data('jpeg/orient-Portrait_6.jpg'), '--time', '2024-11-26T12:00:00Z', '--trigger', 'request');
    await stop(receive);
    await stop(telemetry);

    // A file whose name is hostile, and one that no copies can be made of.
    const drop = join(shop.dir, 'drop');
    mkdirSync(drop);
    const named = join(drop, `<svg onload=bad()>"'.h265`);
    cpSync(data('hevc/road-320x180-md5.h265'), named);
    await shop.run('import', '--imei', imei.evil, '--camera', 'front', named);
    await shop.run('import', '--imei', imei.other, '--camera', 'rear',
        data('hevc/membrane-input-30-640x480-no-parameter-sets.h265'));
    await shop.run('work', '--once', { status: null });

    // What people write.
    const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
    const vehicles = join(shop.dir, 'vehicles.csv');
    writeFileSync(vehicles, `imei,name,plate,group\n${imei.evil},${[evil.script, evil.attribute, evil.element].map(quoted)}\n`);
    await shop.run('vehicles', 'import', vehicles);
    const hers = `${imei.evil}-driver-photo-20241129T100000Z`;
    await shop.run('protect', hers, '--reason', evil.script, '--who', evil.element);
    await shop.run('request', 'video', '--imei', imei.evil, '--camera', 'front', '--at', '2024-11-29T10:00:00Z',
        '--for', '10s', '--reason', evil.title, '--who', evil.attribute);

    // It waits for its copies: nobody works at conversions while the tests run.
    await shop.run('import', '--imei', imei.other, '--camera', 'front', data('hevc/cros-test-25fps.h265'));
}

// A store of 100 000 transfers, as tests/bench has it, and its address: made beside what else goes on.
export function openGrownStore(count = 100000) {
    const dir = mkdtempSync(join(tmpdir(), 'dashspool-grown-'));
    const root = join(dir, 'root'), made = run(join(dirname(program), 'tests/growth_store'), [root, `${count}`]);
    made.catch(() => {});
    return {
        count,
        address: async () => {
            await made;
            const serve = start(['--root', root, 'serve', '--listen', '127.0.0.1:0'], { ...process.env, TZ: 'UTC' });
            return `http://${await serve.address}`;
        },
        close: () => rmSync(dir, { recursive: true, force: true }),
    };
}

// Pages, and who does what is asked for there; nobody works at conversions.
async function serveAt(shop, root) {
    const serve = start(['--root', root, '--config', shop.conf, 'serve', '--listen', '127.0.0.1:0'], shop.env);
    start(['--root', root, '--config', shop.conf, 'work', '--stage', 'action'], shop.env);
    return `http://${await serve.address}`;
}

async function inhabit(shop) {
    const root = join(shop.dir, 'inhabited'), token = {};
    await run(program, ['--root', shop.root, 'backup', root]);
    for (const role of ['viewer', 'reviewer', 'admin'])
        token[role] = (await run(program, ['--root', root, 'user', 'add', role, '--role', role])).trim();
    return { address: await serveAt(shop, root), token, root };
}

// A place of its own with a store in it; `serve` runs until close(). Where BROWSER_STORE names a directory,
// the store is kept there, and used again: for work on the pages. of: the settings.
export async function openStore(of = settings) {
    const dir = mkdtempSync(join(tmpdir(), 'dashspool-browser-'));
    const shop = { dir, root: join(dir, 'root'), crash: `${day}T07:23:45Z`, drive: `${day}T07:22:45Z` };
    shop.conf = join(dir, 'etc');
    shop.env = { ...process.env, DASHSPOOL_ROOT: shop.root, DASHSPOOL_CONFIG: shop.conf, TZ: 'UTC' };
    shop.run = (...args) => {
        const options = typeof args[args.length - 1] === 'object' ? args.pop() : {};
        return run(program, ['--root', shop.root, '--config', shop.conf, ...args], { ...options, env: shop.env });
    };
    // What its pages have to show as it is.
    shop.hostile = [evil.script, evil.element, evil.title, evil.attribute, driver];
    shop.close = async () => {
        await Promise.all(all.map(stop));
        rmSync(dir, { recursive: true, force: true });
    };
    mkdirSync(shop.conf);
    writeFileSync(join(shop.conf, 'dashspool.conf'), of);
    if (keptDay) {
        cpSync(kept, shop.root, { recursive: true, preserveTimestamps: true });
    } else {
        await fill(shop);
        if (kept) {
            cpSync(shop.root, kept, { recursive: true, preserveTimestamps: true });
            writeFileSync(join(kept, 'day'), day);
        }
    }
    shop.address = await serveAt(shop, shop.root);
    // Its pages once more, with other settings: their address.
    shop.serveWith = async (more) => {
        const conf = mkdtempSync(join(dir, 'etc-'));
        writeFileSync(join(conf, 'dashspool.conf'), more);
        return `http://${await start(['--root', shop.root, '--config', conf, 'serve', '--listen', '127.0.0.1:0'], shop.env).address}`;
    };
    // The same once more, where people log in: {address, token: {viewer: …}}. A person is called as the role.
    let inhabited = null;
    shop.withPeople = () => (inhabited ??= inhabit(shop));
    return shop;
}
