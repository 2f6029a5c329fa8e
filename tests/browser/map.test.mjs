// Maps: by hand, by keys, without script; of a filter's events, and of a vehicle's day.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { axeFinds, openPage } from './browser.mjs';
import { day, imei } from './store.mjs';

const place = async (page, selector) => {
    const { x, y, width, height } = await page.locator(selector).first().boundingBox();
    return [x + width / 2, y + height / 2];
};

export default {
    'an event is on the map, and its label leads to it': async ({ store, browser }) => {
        const page = await openPage(browser);
        await page.visit(store.address + '/map');
        const pin = page.getByTitle(/352093081452251 · Crash/);
        await pin.focus();
        await page.keyboard.press('Enter');
        const link = page.locator('.leaflet-popup a[href^="/event/"]');
        await link.waitFor();
        assert.match(await link.getAttribute('href'), /^\/event\/352093081452251-/);
        assert.deepEqual(await axeFinds(page), [], 'axe, with a label open');
        await page.done();
    },

    'its ground comes from here, and it can be moved by keys': async ({ store, browser }) => {
        const page = await openPage(browser);
        const tiles = [];
        page.on('request', (request) => request.url().includes('/tiles/') && tiles.push(request.url()));
        await page.visit(store.address + '/map');
        await page.locator('img.leaflet-tile-loaded').first().waitFor();
        assert.ok(tiles.length > 0 && tiles.every((url) => url.startsWith(store.address)));
        const before = await place(page, '.pin');
        await page.locator('.leaflet-container').focus();
        await page.keyboard.press('ArrowRight');
        await page.waitForFunction((x) => document.querySelector('.pin').getBoundingClientRect().x < x - 40, before[0] - 12);
        await page.keyboard.press('+');
        await page.waitForFunction((n) => document.querySelector('.leaflet-control-scale-line').textContent !== n,
            await page.locator('.leaflet-control-scale-line').textContent());
        await page.done();
    },

    'a filter goes along': async ({ store, browser }) => {
        const page = await openPage(browser);
        await page.visit(store.address + '/map?trigger=towing');
        assert.equal(await page.locator('.places li').count(), 1);
        assert.equal(await page.locator('.pin').count(), 0);
        await page.getByRole('link', { name: 'As a list' }).click();
        assert.match(page.url(), /\/\?trigger=towing$/);
        await page.done();
    },

    'the track of a day is drawn, with gaps as gaps': async ({ store, browser, pictures }) => {
        const page = await openPage(browser);
        await page.visit(`${store.address}/vehicle/${imei.other}?day=${day}`);
        await page.locator('path.way').first().waitFor({ state: 'attached' });
        assert.ok((await page.locator('path.dot').count()) > 5);
        await page.screenshot({ path: join(pictures, 'day-1440.png'), fullPage: true });
        // The marker follows a clock.
        const at = (t) => page.evaluate((t) => {
            document.dispatchEvent(new CustomEvent('clock', { detail: { t } }));
            const me = document.querySelector('path.me');
            return me ? me.getBoundingClientRect().x : null;
        }, t);
        assert.equal(await at(0), null, 'before its first record it is nowhere');
        const first = await at(10 * 3600 + 1), later = await at(10 * 3600 + 40);
        assert.notEqual(first, null);
        assert.notEqual(first, later);
        await page.done();
    },

    'without script there is a list': async ({ store, browser }) => {
        const page = await openPage(browser, { javaScriptEnabled: false });
        await page.visit(store.address + '/map');
        assert.ok((await page.locator('.places li a').count()) > 5);
        await page.done();
    },
};
