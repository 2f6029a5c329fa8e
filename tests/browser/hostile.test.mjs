// What cameras, trackers and people write is text, wherever it comes up.
import assert from 'node:assert/strict';
import { isPage } from './addresses.mjs';
import { axeFinds, openPage } from './browser.mjs';
import { evil } from './store.mjs';

// Walks through all pages that can be reached, and looks at each.
async function walk(page, address, look) {
    const seen = new Set(['/']), waiting = ['/'];
    const kinds = new Map(); // of pages that differ in their query alone, some
    for (let path; (path = waiting.shift()) !== undefined;) {
        await page.visit(address + path);
        await look(path);
        const links = await page.evaluate(() => [...document.querySelectorAll('a[href]')].map((a) => a.href));
        for (const link of links) {
            const url = new URL(link);
            const next = url.pathname + url.search;
            const kind = url.pathname, n = kinds.get(kind) ?? 0;
            if (url.origin === address && isPage(url.pathname) && !seen.has(next) && n < 6) {
                kinds.set(kind, n + 1);
                seen.add(next);
                waiting.push(next);
            }
        }
    }
    return seen;
}

export default {
    'no text becomes markup, on all pages that can be reached': async ({ store, browser }) => {
        const page = await openPage(browser);
        const ran = [];
        await page.exposeFunction('bad', () => ran.push(page.url()));
        let text = '', attributes = '';
        const seen = await walk(page, store.address, async (path) => {
            const found = await page.evaluate(() => ({
                text: document.body.innerText + document.title,
                attributes: [...document.querySelectorAll('[title], [aria-label], [value], [alt]')]
                    .map((e) => ['title', 'aria-label', 'value', 'alt'].map((a) => e.getAttribute(a) ?? '').join(' ')).join('\n'),
                handlers: [...document.querySelectorAll('*')]
                    .filter((e) => [...e.attributes].some((a) => a.name.startsWith('on') || /^\s*javascript:/i.test(a.value)))
                    .map((e) => e.outerHTML.slice(0, 200)),
                strangers: [...document.querySelectorAll('img[src="x"], main script:not([type="application/json"]):not([src^="/assets/"])')]
                    .map((e) => e.outerHTML.slice(0, 200)),
                islands: [...document.querySelectorAll('script[type="application/json"]')].map((e) => e.textContent),
            }));
            assert.deepEqual(found.handlers, [], path);
            assert.deepEqual(found.strangers, [], path);
            found.islands.forEach((island) => JSON.parse(island));
            text += found.text;
            attributes += found.attributes;
        });
        // Each of them was there to be read: otherwise nothing was tried.
        for (const hostile of store.hostile)
            assert.ok((text + attributes).includes(hostile), `nowhere: ${hostile}`);
        assert.ok(!text.includes('\u202e'), 'what turns text around is shown as something else');
        assert.deepEqual(ran, []);
        assert.ok(seen.size > 20, `${seen.size} pages`);
        await page.done();
    },

    'what is asked for by an address is text, too': async ({ store, browser }) => {
        const page = await openPage(browser);
        page.refused.push(store.address);
        await page.exposeFunction('bad', () => page.wrong.push('a script of an address ran'));
        for (const text of Object.values(evil))
            for (const path of ['/?q=', '/?imei=', '/?trigger=', '/?cameras=', '/?from=', '/?page=', '/?view=', '/event/',
                '/vehicle/', '/action/', '/package/', '/map?q=', '/requests?imei=', '/upload?did=', '/?did=', '/nothing/']) {
                await page.visit(store.address + path + encodeURIComponent(text));
                assert.equal(await page.locator('img[src="x"], [onfocus], svg[onload], main script:not([src]):not([type])').count(), 0, path);
            }
        await page.done();
    },

    'all pages that can be reached are readable by all': async ({ store, browser }) => {
        const page = await openPage(browser);
        const found = [];
        await walk(page, store.address, async (path) => {
            found.push(...(await axeFinds(page)).map((line) => `${path}: ${line}`));
        });
        assert.deepEqual(found, []);
        await page.done();
    },
};
