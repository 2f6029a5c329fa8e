// The list of a store that has grown. How fast it is, tests/bench/growth measures.
import assert from 'node:assert/strict';
import { openPage, sticksOut } from './browser.mjs';

const numberIn = (text) => Number(text.replace(/[^0-9]/g, ''));

export default {
    '100 000 transfers': async ({ grown, browser }) => {
        const address = await grown.address();
        const page = await openPage(browser);
        await page.visit(`${address}/`);
        const total = (await page.locator('main').innerText()).match(/\b\d[\d,.\u202f]*\b(?= events?)/g).map(numberIn);
        assert.ok(total.includes(grown.count), `${total}`);
        const first = await page.locator('a[href^="/event/"]').first().getAttribute('href');
        await page.goto(`${address}/?page=${grown.count / 50}`);
        const last = page.locator('a[href^="/event/"]');
        assert.ok(await last.count() > 0);
        assert.notEqual(await last.first().getAttribute('href'), first);
        await page.goto(`${address}/?view=table&q=352093000000000`);
        const found = await page.locator('a[href^="/event/"]').evaluateAll((links) => links.map((a) => a.getAttribute('href')));
        assert.ok(found.length > 0 && found.every((to) => to.startsWith('/event/352093000000000-')), found[0]);
        assert.deepEqual(await sticksOut(page), []);
        await page.done();
    },
};
