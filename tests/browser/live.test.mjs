// What happens while pages are open is seen on them, without loading them again.
import assert from 'node:assert/strict';
import { event } from './addresses.mjs';
import { openPage } from './browser.mjs';

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
