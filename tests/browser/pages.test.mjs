// Each page, as it comes: nothing wrong on its console, readable by all, at any width, dark and light.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pages } from './addresses.mjs';
import { axeFinds, openPage, smallTargets, sticksOut } from './browser.mjs';

const tests = {};
for (const [name, path] of Object.entries(pages))
    for (const width of [390, 1440])
        for (const dark of [false, true])
            tests[`${name}, ${width} px, ${dark ? 'dark' : 'light'}`] = async ({ store, browser, pictures }) => {
                const page = await openPage(browser, { width, dark });
                page.refused.push('/nothing');
                await page.visit(store.address + path);
                await page.settled();
                await page.screenshot({ path: join(pictures, `${name}-${width}${dark ? '-dark' : ''}.png`), fullPage: true });
                assert.deepEqual(await axeFinds(page), [], 'axe');
                assert.deepEqual(await smallTargets(page), [], 'targets are at least 24 px');
                await page.setViewportSize({ width: 360, height: 740 });
                assert.deepEqual(await sticksOut(page), [], 'nothing scrolls sideways at 360 px');
                await page.done();
            };

for (const [name, path] of Object.entries(pages))
    tests[`${name}, 3840 px`] = async ({ store, browser }) => {
        const page = await openPage(browser, { width: 3840, height: 2160 });
        page.refused.push('/nothing');
        await page.visit(store.address + path);
        assert.deepEqual(await sticksOut(page), []);
        assert.equal(await page.locator('h1').count(), 1, 'one h1');
        await page.done();
    };

export default tests;
