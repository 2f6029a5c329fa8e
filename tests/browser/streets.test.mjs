// Streets below maps: of a file of tiles, and of a server of tiles, which is the one other host that a page may ask.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { event } from './addresses.mjs';
import { axeFinds, openPage, sticksOut } from './browser.mjs';

// A file as MBTiles 1.3 has it: what is around the place of the event, from the whole world to single streets.
const maker = `
import math, sqlite3, struct, sys, zlib
def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
def tile(z, x, y):
    rows = bytearray()
    for v in range(256):
        rows.append(0)
        for u in range(256):
            street = (u + 37 * x) % 64 < 6 or (v + 53 * y) % 80 < 6
            rows += b'\\xff\\xff\\xff' if street else bytes((232, 226 + z % 8, 214))
    return (b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 256, 256, 8, 2, 0, 0, 0)) +
            chunk(b'IDAT', zlib.compress(bytes(rows), 1)) + chunk(b'IEND', b''))
lat, lon = 54.7004183, 25.25
db = sqlite3.connect(sys.argv[1])
db.executescript('CREATE TABLE metadata (name text, value text);'
    'CREATE TABLE tiles (zoom_level integer, tile_column integer, tile_row integer, tile_data blob);'
    'CREATE UNIQUE INDEX tile_index ON tiles (zoom_level, tile_column, tile_row);')
db.executemany('INSERT INTO metadata VALUES (?, ?)', [('name', 'streets'), ('format', 'png'), ('minzoom', '0'),
    ('maxzoom', '14'), ('attribution', '© those who drew <b>them</b>')])
for z in range(15):
    n = 1 << z
    cx = int((lon + 180) / 360 * n)
    cy = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n)
    for x in range(max(0, cx - 3), min(n, cx + 4)):
        for y in range(max(0, cy - 2), min(n, cy + 3)):
            db.execute('INSERT INTO tiles VALUES (?, ?, ?, ?)', (z, x, n - 1 - y, tile(z, x, y)))
db.commit()
`;

const looks = [[390, false], [390, true], [1440, false], [1440, true]];

async function look(browser, address, path, width, dark, picture, hosts = []) {
    const page = await openPage(browser, { width, dark });
    const asked = new Set();
    page.on('request', (request) => asked.add(new URL(request.url()).host));
    const answer = await page.goto(address + path);
    await page.locator('img.leaflet-tile-loaded').first().waitFor();
    const ground = await page.evaluate(() => {
        const shown = [...document.querySelectorAll('img.leaflet-tile-loaded')].filter((i) => i.naturalWidth === 256);
        return { shown: shown.length, of: shown[0]?.src };
    });
    assert.ok(ground.shown > 0, 'tiles are pictures of 256 px');
    const home = new URL(address).host;
    assert.deepEqual([...asked].filter((host) => host !== home), hosts, 'no other host is asked');
    const dimmed = await page.evaluate(() => getComputedStyle(document.querySelector('.leaflet-tile-pane')).filter);
    assert.equal(dimmed !== 'none', dark, 'streets do not glare in the dark');
    assert.deepEqual(await axeFinds(page), [], 'axe');
    await page.locator('.leaflet-container').first().scrollIntoViewIfNeeded();
    await page.screenshot({ path: picture });
    await page.setViewportSize({ width: 360, height: 740 });
    assert.deepEqual(await sticksOut(page), []);
    const csp = answer.headers()['content-security-policy'];
    await page.done();
    return { csp, of: ground.of };
}

export default {
    'streets of a file are below the maps': async ({ store, browser, pictures }) => {
        const file = join(store.dir, 'streets.mbtiles');
        execFileSync('python3', ['-c', maker, file]);
        const address = await store.serveWith(`[ui]\ntiles = ${file}\n`);
        for (const [name, path] of [['map', '/map'], ['event', `/event/${event.pair}`]])
            for (const [width, dark] of looks) {
                const { csp, of } = await look(browser, address, path, width, dark,
                    join(pictures, `streets-${name}-${width}${dark ? '-dark' : ''}.png`));
                assert.ok(of.startsWith(`${address}/tiles/`));
                assert.match(csp, /img-src 'self' data:;/);
            }
    },

    'streets of a server are asked of that host alone': async ({ store, browser, pictures }) => {
        const file = join(store.dir, 'served.mbtiles');
        execFileSync('python3', ['-c', maker, file]);
        const png = execFileSync('python3', ['-c', 'import sqlite3, sys; sys.stdout.buffer.write(sqlite3.connect(sys.argv[1])' +
            '.execute("SELECT tile_data FROM tiles LIMIT 1").fetchone()[0])', file]);
        const wrong = [];
        const tiles = createServer((request, response) => {
            if (!/^\/\d+\/\d+\/\d+\.png$/.test(request.url))
                wrong.push(request.url);
            response.setHeader('Content-Type', 'image/png');
            response.end(png);
        }).listen(0, '127.0.0.1');
        await once(tiles, 'listening');
        const host = `127.0.0.1:${tiles.address().port}`;
        try {
            const address = await store.serveWith(`[ui]\ntiles = http://${host}/{z}/{x}/{y}.png\ntiles_credit = our streets\n`);
            for (const [width, dark] of looks) {
                const { csp } = await look(browser, address, '/map', width, dark,
                    join(pictures, `streets-server-${width}${dark ? '-dark' : ''}.png`), [host]);
                assert.ok(csp.includes(`img-src 'self' data: http://${host};`), csp);
            }
            assert.deepEqual(wrong, []);
        } finally {
            tiles.close();
            tiles.closeAllConnections();
        }
    },
};
