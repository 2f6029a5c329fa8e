// Files that a person has: sent in pieces, hashed on both sides, and followed to their event.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openPage } from './browser.mjs';
import { imei, top } from './store.mjs';

const clip = join(top, 'tests/data/hevc/membrane-input-30-640x480-no-bframes.h265');
const photo = join(top, 'tests/data/jpeg/orient-Portrait_6.jpg');

export default {
    'a video becomes an event, through a break of the network': async ({ store, browser }) => {
        const page = await openPage(browser);
        await page.visit(`${store.address}/upload`);
        let broken = 0;
        page.refused.push('/upload/put');
        await page.route('**/upload/put*', (route) => (broken++ === 0 ? route.abort() : route.continue()));
        await page.locator('.upload select[name=imei]').selectOption(imei.damaged);
        await page.locator('.upload select[name=camera]').selectOption('rear');
        await page.locator('.upload [type=file]').first().setInputFiles(clip);
        await page.locator('.upload button.primary').click();
        await page.waitForURL(/did=/);
        await page.locator('#did[data-state=done]').waitFor();
        assert.ok(broken > 1, 'the first piece was lost');
        await page.locator('#did a[href^="/event/"]').click();
        const text = await page.locator('main').innerText();
        assert.ok(text.includes(createHash('sha256').update(readFileSync(clip)).digest('hex')), 'its hash');
        page.wrong = page.wrong.filter((line) => !line.includes('/upload/put') && !line.includes('ERR_FAILED'));
        await page.done();
    },

    'what is no footage is not taken, and nothing is sent of nothing': async ({ store, browser }) => {
        const page = await openPage(browser, { width: 390 });
        await page.visit(`${store.address}/upload`);
        await page.locator('.upload [type=file]').first()
            .setInputFiles({ name: 'virus.exe', mimeType: 'application/octet-stream', buffer: Buffer.from('MZ') });
        assert.equal(await page.locator('.files li').count(), 0);
        await page.locator('.upload button.primary').click();
        assert.match(page.url(), /\/upload$/);
        await page.locator('.upload [type=file]').first()
            .setInputFiles({ name: '<img src=x onerror=bad()>.jpg', mimeType: 'image/jpeg', buffer: readFileSync(photo) });
        assert.equal(await page.locator('.files li .name').innerText(), '<img src=x onerror=bad()>.jpg');
        await page.done();
    },
};
