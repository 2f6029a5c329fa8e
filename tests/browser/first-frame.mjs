// How long it takes from the click to the first picture of a video, in Chromium: the page of an event, and a page that
// is nothing but a <video src> of the same file. node first-frame.mjs [RUNS]
import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { event } from './addresses.mjs';
import { openBrowser, openPage } from './browser.mjs';
import { day, imei, openStore } from './store.mjs';

const runs = Number(process.argv[2] ?? 11);
const median = (all) => [...all].sort((a, b) => a - b)[all.length >> 1];

// In the page: when the first picture of any video was on the screen, in ms from the beginning of the navigation.
function watch() {
    const see = () => {
        for (const video of document.querySelectorAll('video'))
            if (!video.seen) {
                video.seen = true;
                video.requestVideoFrameCallback((_, { presentationTime }) => {
                    window.first ??= Math.round(presentationTime);
                });
            }
    };
    new MutationObserver(see).observe(document, { childList: true, subtree: true });
}

// nginx, with a page that is the video alone, and one that leads to it.
async function plain(store) {
    const dir = mkdtempSync(join(tmpdir(), 'dashspool-plain-'));
    chmodSync(dir, 0o755);
    copyFileSync(join(store.root, 'archive', imei.pair, day, `${event.pair}.viewing-DERIVED.mp4`), join(dir, 'video.mp4'));
    writeFileSync(join(dir, 'list.html'), '<!doctype html><title>List</title><a href="event.html">Event</a>');
    writeFileSync(join(dir, 'event.html'), '<!doctype html><title>Event</title><video src="video.mp4" muted></video>');
    const port = 20000 + process.pid % 20000;
    writeFileSync(join(dir, 'nginx.conf'), `daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/log;
events {}
http {
    access_log off; client_body_temp_path ${dir}/body; proxy_temp_path ${dir}/proxy; fastcgi_temp_path ${dir}/f;
    uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s; types { text/html html; video/mp4 mp4; }
    server { listen 127.0.0.1:${port}; root ${dir}; }
}`);
    const child = spawn('nginx', ['-c', join(dir, 'nginx.conf'), '-e', join(dir, 'log')], { stdio: 'inherit' });
    const address = `http://127.0.0.1:${port}`;
    for (const until = Date.now() + 10000; !(await fetch(address).catch(() => null));)
        if (Date.now() > until) throw new Error('nginx does not listen');
    return { address, close: () => { child.kill(); rmSync(dir, { recursive: true }); } };
}

async function once(browser, list, link) {
    const page = await openPage(browser);
    page.refused.push('favicon');
    await page.addInitScript(watch);
    await page.visit(list);
    await page.settled();
    await page.locator(link).first().click({ noWaitAfter: true });
    await page.waitForFunction(() => window.first);
    const first = await page.evaluate(() => window.first);
    await page.context().close();
    return first;
}

const store = await openStore();
const other = await plain(store);
const browser = await openBrowser();
const found = { 'page of an event': [], '<video src>, nginx': [] };
for (let i = 0; i < runs; i++) {
    found['page of an event'].push(await once(browser, `${store.address}/`, `a[href^="/event/${imei.pair}"]`));
    found['<video src>, nginx'].push(await once(browser, `${other.address}/list.html`, 'a'));
}
for (const [what, all] of Object.entries(found)) {
    all.sort((a, b) => a - b);
    console.log(`${what.padEnd(24)} median ${median(all)} ms, ${all[0]} to ${all.at(-1)}`);
}
await browser.close();
other.close();
await store.close();
process.exit(0);
