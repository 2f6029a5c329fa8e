// What happens while pages are open is seen on them, without loading them again.
import assert from 'node:assert/strict';
import { event } from './addresses.mjs';
import { openPage } from './browser.mjs';

// Tells the page that something has changed; resolves when it has asked what, and has read the answer.
async function asked(page) {
    const answer = page.waitForResponse((r) => r.request().resourceType() === 'fetch');
    await page.evaluate(() => new BroadcastChannel('dashspool').postMessage(
        { event: 'now', data: JSON.stringify({ version: String(Math.random()) }) }));
    if ((await answer).ok()) // it reads no other one
        await (await answer).finished();
}

export default {
    'a change is seen in each tab, by one stream': async ({ store, browser }) => {
        const page = await openPage(browser), streams = [];
        page.context().on('request', (request) => request.url().endsWith('/live') && streams.push(request.url()));
        const began = page.waitForResponse((answer) => answer.url().endsWith('/live'));
        await page.visit(`${store.address}/`);
        const tab = await page.context().newPage();
        await tab.goto(`${store.address}/?view=table`);
        const mark = `[data-id="${event.damaged}"] .marks [title="Protected"]`;
        assert.equal(await page.locator(mark).count(), 0);
        await began;
        await store.run('protect', event.damaged, '--reason', 'seen at once');
        await page.locator(mark).waitFor();
        await tab.bringToFront();
        await tab.locator(mark).waitFor();
        await store.run('protect', '--release', event.damaged);
        await tab.locator(mark).waitFor({ state: 'detached' });
        assert.equal(streams.length, 1, 'one stream');
        await page.done();
    },

    'what comes onto a page from the one behind it is not new': async ({ store, browser }) => {
        const page = await openPage(browser);
        let change = (body) => body;
        await page.route((url) => url.pathname === '/', async (route) => {
            const answer = await route.fetch();
            await route.fulfill({ response: answer, body: change(await answer.text()) });
        });
        await page.visit(`${store.address}/`);
        const first = await page.locator('[data-id]').first().getAttribute('data-id');
        const put = (where) => (body) => {
            const cards = [...body.matchAll(/<article[\s\S]*?<\/article>/g)].map((m) => m[0]);
            const other = cards[0].replaceAll(first, 'another');
            const at = where === 'behind' ? cards.at(-1) : cards[0];
            return body.replace(at, () => where === 'behind' ? at + other : other + at)
                .replace(`data-id="${first}"`, `data-seen="${where}" data-id="${first}"`);
        };
        change = put('behind');
        await asked(page);
        await page.locator('[data-seen=behind]').waitFor();
        assert.equal(await page.locator('[data-fresh]').isHidden(), true, 'behind all');
        change = put('above');
        await asked(page);
        await page.locator('[data-fresh]').waitFor({ state: 'visible' });
        assert.match(await page.locator('[data-fresh]').innerText(), /1 new event/);
        await page.done();
    },

    'what failed, and what was left alone for its focus, is asked for again': async ({ store, browser }) => {
        const page = await openPage(browser);
        page.refused.push('/requests');
        let status = 200, said = '';
        await page.route((url) => url.pathname === '/requests', async (route) => {
            const answer = await route.fetch();
            const body = (await answer.text()).replace(/<div[^>]*data-part="requests">/, (m) => `${m}${said}`);
            await route.fulfill({ response: answer, status, body });
            status = 200;
        });
        await page.visit(`${store.address}/requests`);
        status = 503;
        said = '<p id="first"></p>';
        await asked(page);
        await page.locator('#first').waitFor({ state: 'attached' });
        await page.locator('[data-part] button, [data-part] a').first().focus();
        said = '<p id="second"></p>';
        await asked(page);
        assert.equal(await page.locator('#second').count(), 0, 'what has the focus is left alone');
        await page.evaluate(() => document.activeElement.blur());
        await page.locator('#second').waitFor({ state: 'attached' });
        await page.done();
    },

    'the scripts of the list are 10 kB at most': async ({ store, browser }) => {
        const page = await openPage(browser), bodies = [];
        page.on('response', (answer) => answer.url().endsWith('.js') && bodies.push(answer.body()));
        await page.visit(`${store.address}/`);
        await page.settled();
        const bytes = (await Promise.all(bodies)).reduce((sum, body) => sum + body.length, 0);
        assert.ok(bytes > 1000 && bytes <= 10000, `${bytes} bytes`);
        await page.done();
    },
};
