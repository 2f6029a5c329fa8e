// The pictures of README.md, taken anew: node tests/browser/pictures.mjs
import { join } from 'node:path';
import { event } from './addresses.mjs';
import { openBrowser, openPage } from './browser.mjs';
import { imei, openStore, run, top } from './store.mjs';

const store = await openStore('[convert]\ncopies = working,viewing,timing,poster,sheet\ntelemetry_wait = 0\n');
const browser = await openBrowser();
for (const [its, name, plate] of [[imei.pair, 'Van 12', 'B-XY 1234'], [imei.damaged, 'Truck 3', 'HH-AB 77'],
    [imei.evil, 'Van 7', 'B-XY 1207'], [imei.other, 'Coach 1', 'M-ZZ 901']]) {
    const page = await openPage(browser);
    await page.visit(`${store.address}/vehicle/${its}`);
    await page.locator('[name=name]').fill(name);
    await page.locator('[name=plate]').fill(plate);
    await page.keyboard.press('Enter');
    await page.locator('#did[data-state=done]').waitFor();
    await page.done();
}
for (const [name, path, width, height] of [
    ['events', '/', 1440, 900], ['event', `/event/${event.pair}`, 1440, 900], ['phone', `/event/${event.pair}`, 390, 800]]) {
    const page = await openPage(browser, { width, height, deviceScaleFactor: 1 });
    await page.visit(store.address + path);
    await page.settled();
    await page.waitForFunction(() => [...document.querySelectorAll('video')].every((v) => v.readyState >= 2));
    const png = join(store.dir, `${name}.png`);
    await page.screenshot({ path: png });
    await run('ffmpeg', ['-v', 'error', '-y', '-i', png, '-q:v', '4', join(top, `docs/${name}.jpg`)]);
    await page.done();
}
await browser.close();
await store.close();
process.exit(0);
