// An area to black out: drawn on the paused frame, by hand and by keys, becomes numbers of the export's form.
import assert from 'node:assert/strict';
import { event } from './addresses.mjs';
import { axeFinds, openPage } from './browser.mjs';

const begin = async (browser, store, options = {}) => {
    const page = await openPage(browser, options);
    await page.visit(`${store.address}/event/${event.pair}`);
    await page.waitForFunction(() => [...document.querySelectorAll('.frame video')].every((v) => v.videoWidth > 0));
    await page.locator('[popovertarget=export]').first().click();
    await page.locator('[data-redact]').click();
    await page.locator('.redact-box').first().waitFor();
    return page;
};

const mask = (page, i = 0) => page.evaluate((i) => {
    const row = document.querySelectorAll('#export .mask')[i];
    return Object.fromEntries([...row.querySelectorAll('[name]')].map((f) => [f.name, f.value]));
}, i);

export default {
    'a box drawn by hand is where it was drawn': async ({ store, browser }) => {
        const page = await begin(browser, store);
        const video = page.locator('.frame video[data-cam=rear]');
        const at = await video.boundingBox();
        const [width, height] = await video.evaluate((v) => [v.videoWidth, v.videoHeight]);
        await page.mouse.move(at.x + at.width * 0.25, at.y + at.height * 0.5);
        await page.mouse.down();
        await page.mouse.move(at.x + at.width * 0.75, at.y + at.height * 0.75, { steps: 4 });
        await page.mouse.up();
        assert.deepEqual(await axeFinds(page), [], 'axe, while drawing');
        await page.keyboard.press('Enter');
        const m = await mask(page);
        const near = (value, of, what) => assert.ok(Math.abs(Number(value) - of) <= of * 0.02 + 3, `${what}: ${value}, not ${of}`);
        assert.equal(m.mask_of, 'rear');
        near(m.mask_x, width * 0.25, 'x');
        near(m.mask_y, height * 0.5, 'y');
        near(m.mask_w, width * 0.5, 'w');
        near(m.mask_h, height * 0.25, 'h');
        assert.equal(await page.locator('.redact').count(), 0);
        await page.done();
    },

    'it is moved and sized by keys, and a second one has a row of its own': async ({ store, browser }) => {
        const page = await begin(browser, store);
        const before = await page.locator('.redact-box').first().boundingBox();
        for (const key of ['ArrowRight', 'ArrowDown', 'Shift+ArrowRight'])
            await page.keyboard.press(key);
        const after = await page.locator('.redact-box').first().boundingBox();
        assert.ok(after.x > before.x && after.y > before.y && after.width > before.width);
        await page.keyboard.press('Enter');
        const first = await mask(page);
        assert.equal(first.mask_of, 'front');
        assert.ok(Number(first.mask_w) > 0);
        await page.locator('[data-redact]').click();
        await page.keyboard.press('Enter');
        assert.ok(Number((await mask(page, 1)).mask_w) > 0);
        await page.done();
    },

    'the clock stands while a box is drawn, and no key is the page’s': async ({ store, browser }) => {
        const page = await openPage(browser);
        await page.visit(`${store.address}/event/${event.pair}`);
        await page.waitForFunction(() => [...document.querySelectorAll('.frame video')].every((v) => v.readyState >= 2));
        const before = page.url();
        await page.keyboard.press('j'); // backwards: of no video, only of the clock
        await page.locator('[popovertarget=export]').first().click();
        await page.locator('[data-redact]').click();
        await page.locator('.redact-box').first().waitFor();
        await page.locator('[data-do=play] [href$="#i-play"]').waitFor({ state: 'attached' });
        const t = () => page.locator('output[data-t]').innerText();
        const at = await t();
        for (const key of ['l', 't', ' ', 'n', 'r', 'e']) // each would move the clock, or lead away
            await page.keyboard.press(key);
        await page.locator('.redact-bar button').first().focus();
        await page.keyboard.press('r');
        await page.keyboard.press('j');
        assert.equal(await t(), at);
        assert.equal(await page.locator('.redact').count() > 0, true);
        assert.equal(await page.locator('#export:popover-open').count(), 0);
        assert.equal(page.url(), before);
        assert.equal(await page.locator('.frame video').evaluateAll((all) => all.every((v) => v.paused)), true);
        await page.locator('.redact-box').first().focus();
        await page.keyboard.press('Tab');
        assert.equal(await page.locator('.redact-box').first().evaluate((box) => box === document.activeElement), false, 'Tab leads on');
        await page.done();
    },

    'Escape draws nothing': async ({ store, browser }) => {
        const page = await begin(browser, store, { width: 390 });
        await page.keyboard.press('Escape');
        assert.equal((await mask(page)).mask_w, '');
        assert.equal(await page.locator('.redact').count(), 0);
        await page.done();
    },
};
