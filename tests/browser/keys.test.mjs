// With a keyboard, without script, on paper; and how much script there is.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { event, pages } from './addresses.mjs';
import { openPage } from './browser.mjs';

const at = (page) => page.evaluate(() => document.activeElement?.getAttribute('href') ?? document.activeElement?.tagName);

// Bytes of script that a page has loaded.
const scripts = async (page) => page.evaluate(() => performance.getEntriesByType('resource')
    .filter((r) => new URL(r.name).pathname.endsWith('.js')).reduce((sum, r) => sum + r.decodedBodySize, 0));

export default {
    'the list is walked by keys': async ({ store, browser }) => {
        const page = await openPage(browser);
        await page.visit(`${store.address}/`);
        await page.keyboard.press('Tab');
        assert.equal(await at(page), '#main', 'first of all: to the content');
        const links = await page.locator('.card h3 a').evaluateAll((all) => all.map((a) => a.getAttribute('href')));
        await page.keyboard.press('j');
        assert.equal(await at(page), links[0]);
        await page.keyboard.press('j');
        await page.keyboard.press('j');
        await page.keyboard.press('k');
        assert.equal(await at(page), links[1]);
        await page.keyboard.press('?');
        await page.locator('#keymap').waitFor();
        await page.keyboard.press('Escape');
        await page.keyboard.press('/');
        assert.equal(await page.evaluate(() => document.activeElement.name), 'q');
        await page.keyboard.type('jk?');
        assert.equal(await page.locator('input[name=q]').inputValue(), 'jk?', 'keys are letters in a field');
        await page.goto(`${store.address}/`);
        await page.keyboard.press('j');
        await page.keyboard.press('Enter');
        await page.waitForURL(`**${links[0].split('?')[0]}**`);
        await page.done();
    },

    'the focus can always be seen, and goes through all that there is': async ({ store, browser }) => {
        const page = await openPage(browser);
        for (const path of ['/', `/event/${event.pair}`, '/status', '/requests', '/upload']) {
            await page.visit(store.address + path);
            const seen = new Set();
            for (let i = 0; i < 60; i++) {
                await page.keyboard.press('Tab');
                const now = await page.evaluate(() => {
                    const e = document.activeElement;
                    if (!e || e === document.body)
                        return null;
                    const style = getComputedStyle(e), box = e.getBoundingClientRect();
                    const within = e.closest('label, .seg, article, tr') ?? e;
                    const outlined = [e, within, e.nextElementSibling].filter(Boolean).some((x) => {
                        const s = getComputedStyle(x);
                        return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 || s.boxShadow !== 'none';
                    });
                    return { what: e.outerHTML.slice(0, 90), outlined, there: box.width > 0 && style.visibility !== 'hidden' };
                });
                if (!now)
                    break;
                assert.ok(now.outlined && now.there, `${path}: ${now.what}`);
                seen.add(now.what);
            }
            assert.ok(seen.size > 8, `${path}: ${seen.size} places`);
        }
        await page.done();
    },

    'an event is decided upon by keys alone': async ({ store, browser }) => {
        const page = await openPage(browser);
        await page.visit(`${store.address}/event/${event.driver}`);
        await page.keyboard.press('e');
        await page.locator('#export').waitFor();
        await page.keyboard.press('Escape');
        const before = page.url();
        await page.keyboard.press('n');
        await page.waitForURL((url) => url.href !== before);
        await page.keyboard.press('p');
        await page.waitForURL((url) => url.pathname.includes(event.driver));
        await page.done();
    },

    'without script a note can be written, and all pages are there': async ({ store, browser }) => {
        const page = await openPage(browser, { javaScriptEnabled: false });
        page.refused.push('/nothing');
        for (const path of Object.values(pages)) {
            await page.visit(store.address + path);
            assert.ok((await page.locator('main').innerText()).length > 20, path);
            assert.equal(await page.locator('.js-only:visible').count(), 0, `${path}: what needs script`);
        }
        await page.visit(`${store.address}/event/${event.pair}`);
        assert.equal(await page.locator('video[controls]').count(), 2);
        await page.locator('.actions button[popovertarget=addnote]').click();
        await page.locator('#addnote [name=note]').fill('written without script');
        await page.locator('#addnote button:not([popovertarget])').click();
        await page.locator('#did[data-state=done]').waitFor();
        await page.goto(`${store.address}/event/${event.pair}`);
        assert.ok((await page.locator('main').innerText()).includes('written without script'));
        await page.done();
    },

    'an event on paper': async ({ store, browser, pictures }) => {
        const page = await openPage(browser);
        await page.visit(`${store.address}/event/${event.pair}`);
        await page.settled();
        await page.emulateMedia({ media: 'print' });
        await page.pdf({ path: join(pictures, 'event.pdf'), format: 'A4' });
        await page.screenshot({ path: join(pictures, 'event-print.png'), fullPage: true });
        for (const hidden of ['button', 'input', 'nav', '.sheet'])
            assert.equal(await page.locator(`${hidden}:visible`).count(), 0, hidden);
        const text = await page.locator('main').innerText();
        for (const word of ['Condition', 'Custody', 'Files', 'Facts'])
            assert.ok(text.includes(word), word);
        await page.done();
    },

    'there is little script': async ({ store, browser }) => {
        const most = { [pages.events]: 10e3, [pages.table]: 10e3, [pages.event]: 250e3, [pages.map]: 250e3 };
        for (const [path, limit] of Object.entries(most)) {
            const page = await openPage(browser);
            await page.visit(store.address + path);
            await page.waitForLoadState('load');
            const bytes = await scripts(page);
            assert.ok(bytes > 0 && bytes <= limit, `${path}: ${bytes} bytes of script`);
            await page.done();
        }
    },

    'what moves stands still where that is wished for': async ({ store, browser }) => {
        const page = await openPage(browser, { reducedMotion: 'reduce' });
        for (const path of ['/', `/event/${event.pair}`]) {
            await page.visit(store.address + path);
            const moving = await page.evaluate(() => document.getAnimations()
                .filter((a) => a.effect.getComputedTiming().duration > 1).length);
            assert.equal(moving, 0, path);
        }
        await page.done();
    },
};
