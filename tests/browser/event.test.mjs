// The player of an event: what is shown is what timing.json says, picture by picture, of both videos on one clock.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { event } from './addresses.mjs';
import { openPage } from './browser.mjs';
import { numbersShown, numbersWhile } from './frames.mjs';
import { day, imei } from './store.mjs';

const LANES = ['front', 'rear'];

// T of each picture of both videos, in seconds from the trigger, by the files that were made with the copies.
function timesOf(store) {
    const trigger = Date.parse(store.crash) + 3000; // as its cameras said
    return LANES.map((camera) => {
        const path = join(store.root, `archive/${imei.pair}/${day}/${event.pair.replace('front', camera)}.timing.json`);
        const { pictures } = JSON.parse(readFileSync(path, 'utf8'));
        const begin = Date.parse(pictures[0].utc);
        return pictures.map((p) => (begin - trigger) / 1000 + p.pts_s - pictures[0].pts_s);
    });
}

// The number of the picture that is to be seen at T: the last one that had been taken, from 1 on.
const numberAt = (times, t) => Math.max(1, times.findLastIndex((at) => at <= t + 1e-4) + 1);

async function openEvent(store, browser, options = {}) {
    const page = await openPage(browser, options);
    await page.visit(`${store.address}/event/${event.pair}${options.hash ?? ''}`);
    await page.waitForFunction(() => [...document.querySelectorAll('.player video')].every((v) => v.readyState >= 2));
    return page;
}

// Waits until the videos show these pictures: what is shown comes some time after a key, and stays.
async function show(page, expected, why) {
    const until = Date.now() + 20000;
    let shown;
    do
        shown = await numbersShown(page, '.player video');
    while (JSON.stringify(shown) !== JSON.stringify(expected) && Date.now() < until);
    assert.deepEqual(shown, expected, why);
}

const told = async (page) => Promise.all([0, 1].map(async (lane) =>
    Number(/\d+/.exec(await page.locator(`output[data-frame="${lane}"]`).innerText())[0])));

// "T−02.40" in seconds
const clock = async (page) => Number((await page.locator('output[data-t]').innerText()).replace('T', '').replace('−', '-'));

async function at(page, times, front, why) {
    const expected = [front, numberAt(times[1], times[0][front - 1])];
    await show(page, expected, why);
    await page.waitForFunction((all) => all.every((n, lane) =>
        +/\d+/.exec(document.querySelector(`output[data-frame="${lane}"]`).textContent)[0] === n), expected).catch(() => {});
    assert.deepEqual(await told(page), expected, `${why}: what stands below`);
    assert.ok(Math.abs(await clock(page) - times[0][front - 1]) < 0.0051, `${why}: T is ${await clock(page)}`);
}

export default {
    'frames are stepped by their true times': async ({ store, browser }) => {
        const times = timesOf(store);
        const page = await openEvent(store, browser);
        await page.keyboard.press('t');
        let n = numberAt(times[0], 0);
        await at(page, times, n, 'the trigger');
        const steps = new Set();
        for (let i = 0; i < 15; i++) {
            await page.keyboard.press('ArrowRight');
            steps.add((times[0][n] - times[0][n - 1]).toFixed(3));
            n++;
            await at(page, times, n, `→, ${i + 1}`);
        }
        assert.ok(steps.size > 1, 'the steps differ: a rate would not do');
        for (let i = 0; i < 20; i++) {
            await page.keyboard.press('ArrowLeft');
            await at(page, times, --n, `←, ${i + 1}`);
        }
        await page.done();
    },

    'many steps at once lose none, and the ends are ends': async ({ store, browser }) => {
        const times = timesOf(store);
        const page = await openEvent(store, browser);
        await page.keyboard.press('t');
        const n = numberAt(times[0], 0);
        for (let i = 0; i < 25; i++)
            await page.keyboard.press('ArrowRight');
        await at(page, times, n + 25, '25 times →');
        for (let i = 0; i < n + 40; i++)
            await page.keyboard.press('ArrowLeft');
        await show(page, [1, 1], 'the first ones');
        await page.done();
    },

    'each picture of the front video can be shown': async ({ store, browser }) => {
        const times = timesOf(store);
        const page = await openEvent(store, browser, { hash: `#t=${times[0][0].toFixed(3)}` });
        await show(page, [1, 1], 'the first picture');
        // All of them would take minutes: of each ten, the first two.
        for (let n = 1; n < times[0].length - 1; n += 9) {
            await page.keyboard.press('ArrowRight');
            await at(page, times, n + 1, `picture ${n + 1}`);
            for (let i = 0; i < 8 && n + 1 + i < times[0].length; i++)
                await page.keyboard.press('ArrowRight');
        }
        await page.done();
    },

    'an address is that of a moment': async ({ store, browser }) => {
        const times = timesOf(store);
        const page = await openEvent(store, browser, { hash: '#t=1.1' });
        await show(page, [numberAt(times[0], 1.1), numberAt(times[1], 1.1)], '#t=1.1');
        // The cameras' own zone is two hours east.
        const wall = new Date(Date.parse(store.crash) + 3000 + 7200000 + await clock(page) * 1000).toISOString().slice(11, 22);
        assert.equal((await page.locator('[data-wall]').innerText()).split(' ')[0], wall, 'the time of day');
        await page.keyboard.press('Shift+ArrowRight');
        await show(page, [numberAt(times[0], 2.1), numberAt(times[1], 2.1)], 'a second later');
        await page.done();
    },

    'two videos play in step': async ({ store, browser }) => {
        const times = timesOf(store);
        const page = await openEvent(store, browser, { hash: '#t=-2.5' });
        await show(page, [numberAt(times[0], -2.5), numberAt(times[1], -2.5)], 'where it begins');
        // Where others use the machine it stalls, and so do the pictures: then it is looked at again.
        let why = '';
        for (let tries = 0; tries < 6; tries++) {
            await page.keyboard.press('t');
            await page.keyboard.press('Shift+ArrowLeft');
            await page.keyboard.press('Space');
            await page.waitForFunction(() => [...document.querySelectorAll('.player video')].every((v) => !v.paused && v.currentTime > 0));
            const shown = (await numbersWhile(page, '.player video', 2500)).filter((pair) => pair.every(Number.isFinite));
            await page.keyboard.press('k');
            // They begin at their own pace: a third of a second, by the pictures of the front video.
            const first = shown[0]?.[0] ?? 0, last = shown[shown.length - 1]?.[0] ?? 0;
            const off = shown.filter(([front]) => front > first + 6).map(([front, rear]) => {
                // One frame: the picture beside it is the one of that moment, or its neighbour.
                const from = numberAt(times[1], times[0][front - 1]);
                const until = numberAt(times[1], (times[0][front] ?? times[0][front - 1]) - 0.0002);
                return rear < from ? from - rear : rear > until ? rear - until : 0;
            });
            why = `${off.filter((n) => n > 1).length} of ${off.length} looks are off, by up to ${Math.max(...off)} frames; pictures ${first} to ${last}`;
            if (off.length > 10 && last - first > 15 && Math.max(...off) <= 1) {
                why = '';
                break;
            }
        }
        assert.equal(why, '');
        await page.waitForFunction(() => [...document.querySelectorAll('.player video')].every((v) => v.paused && !v.seeking));
        const [front] = await told(page);
        await at(page, times, front, 'paused again');
        await page.done();
    },

    'slowly, the one that waits for the other goes on': async ({ store, browser }) => {
        const page = await openEvent(store, browser, { hash: '#t=-1' });
        await page.keyboard.press('1');
        await page.keyboard.press('Space');
        await page.waitForFunction(() => [...document.querySelectorAll('.player video')].every((v) => v.currentTime > 2.1));
        // Ahead by more than the slowest rate that a browser takes makes up for.
        await page.evaluate(() => { document.querySelectorAll('.player video')[1].currentTime += 0.3; });
        await page.waitForFunction(() => {
            const [front, rear] = [...document.querySelectorAll('.player video')].map((v) => v.currentTime);
            return front > 2.5 && Math.abs(front - rear) < 0.1 && +document.querySelector('.seek').value > -0.6;
        });
        await page.done();
    },

    'speed, pause and sound': async ({ store, browser }) => {
        const page = await openEvent(store, browser);
        const rates = () => page.evaluate(() => [...document.querySelectorAll('.player video')].map((v) => v.playbackRate));
        for (const [key, rate] of [['1', 0.25], ['2', 0.5], ['4', 2], ['5', 4], ['3', 1]]) {
            await page.keyboard.press(key);
            await page.locator(`input[name=speed][value="${rate}"]:checked`).waitFor({ state: 'attached' });
        }
        await page.keyboard.press('l');
        await page.waitForFunction(() => !document.querySelector('.player video').paused);
        assert.ok((await rates()).every((rate) => Math.abs(rate - 1) < 0.2), `${await rates()}`);
        await page.keyboard.press('k');
        await page.waitForFunction(() => [...document.querySelectorAll('.player video')].every((v) => v.paused));
        await page.done();
    },

    'however often it is started, it plays once, and loads what it plays': async ({ store, browser }) => {
        const page = await openPage(browser);
        await page.addInitScript(() => {
            const ask = window.requestAnimationFrame, take = window.cancelAnimationFrame;
            window.ticks = new Set();
            window.requestAnimationFrame = (f) => {
                const id = ask((now) => { window.ticks.delete(id); f(now); });
                if (f.name === 'tick') window.ticks.add(id);
                return id;
            };
            window.cancelAnimationFrame = (id) => { window.ticks.delete(id); take(id); };
        });
        await page.visit(`${store.address}/event/${event.pair}`);
        await page.waitForFunction(() => [...document.querySelectorAll('.player video')].every((v) => v.readyState >= 2));
        const loops = await page.evaluate(() => {
            const button = document.querySelector('[data-do=play]');
            for (let i = 0; i < 7; i++) button.click();
            return window.ticks.size;
        });
        assert.equal(loops, 1, 'loops that play');
        assert.deepEqual(await page.locator('.player video').evaluateAll((all) => all.map((v) => v.preload)), ['auto', 'auto']);
        await page.done();
    },

    'a speed that nobody told is none, on either side': async ({ store, browser }) => {
        const page = await openPage(browser);
        await page.route((url) => url.pathname.startsWith('/event/'), async (route) => {
            const answer = await route.fetch();
            const body = (await answer.text()).replace(/(<script[^>]*id="timing">)([^<]*)/, (_, tag, text) => {
                const data = JSON.parse(text);
                data.places = [[-1, 54.7, 25.2, 50, 90], [0, 54.7, 25.2, 60, 90], [1, 54.7, 25.2, -1, 90], [2, 54.7, 25.2, 70, 90]];
                data.gap_s = 5;
                return tag + JSON.stringify(data);
            });
            await route.fulfill({ response: answer, body });
        });
        await page.visit(`${store.address}/event/${event.pair}`);
        for (const [t, speed] of [[-0.5, /^5\d km\/h$/], [0.5, /^–$/], [1.5, /^–$/], [2, /^70 km\/h$|^–$/]]) {
            await page.evaluate((to) => { location.hash = `#t=${to}`; }, t);
            await page.waitForFunction((to) => Math.abs(document.querySelector('.seek').value - to) < 0.1, t);
            assert.match(await page.locator('[data-speed]').innerText(), speed, `T ${t}`);
        }
        await page.done();
    },

    'what waits for its copies is not shown while somebody writes': async ({ store, browser }) => {
        const page = await openPage(browser);
        let waits = true, loads = 0;
        await page.route((url) => url.pathname.startsWith('/event/'), async (route) => {
            loads++;
            const answer = await route.fetch(), body = await answer.text();
            await route.fulfill({ response: answer, body: waits ? body.replace('</main>', '<p data-waiting></p></main>') : body });
        });
        await page.clock.install();
        await page.visit(`${store.address}/event/${event.pair}`);
        waits = false;
        await page.locator('.actions [popovertarget=addnote]').click();
        await page.locator('#addnote textarea').fill('half of a note');
        for (let i = 0; i < 3; i++)
            await page.clock.runFor(5000);
        assert.equal(loads, 1, 'it was loaded again');
        assert.equal(await page.locator('#addnote textarea').inputValue(), 'half of a note');
        await page.keyboard.press('Escape');
        while (loads < 3) // asked, and loaded again
            await page.clock.runFor(5000);
        await page.locator('[data-waiting]').waitFor({ state: 'detached' });
        await page.done();
    },

    'controls are under the picture, and none is over it': async ({ store, browser }) => {
        const page = await openEvent(store, browser);
        const over = await page.evaluate(() => {
            const found = [];
            for (const video of document.querySelectorAll('.player video')) {
                const box = video.getBoundingClientRect();
                for (let i = 1; i < 20; i++)
                    for (let k = 1; k < 20; k++) {
                        const x = box.left + box.width * i / 20, y = box.top + box.height * k / 20;
                        const e = document.elementFromPoint(x, y);
                        if (y < innerHeight && e && e !== video && !e.contains(video))
                            found.push(e.outerHTML.slice(0, 80));
                    }
                if (video.controls)
                    found.push('the browser’s own controls');
            }
            return [...new Set(found)];
        });
        assert.deepEqual(over, []);
        await page.done();
    },

    'keys do nothing while somebody writes, and letters can be switched off': async ({ store, browser }) => {
        const times = timesOf(store);
        const page = await openEvent(store, browser, { hash: '#t=0' });
        const n = numberAt(times[0], 0);
        await at(page, times, n, 'the trigger');
        await page.locator('.actions [popovertarget=addnote]').click();
        const field = page.locator('#addnote textarea');
        await field.pressSequentially('jkl t 5 [');
        await field.press('ArrowLeft');
        assert.equal(await field.inputValue(), 'jkl t 5 [');
        await page.keyboard.press('Escape');
        await at(page, times, n, 'nothing was stepped');
        await page.keyboard.press('?');
        await page.locator('[data-keys]').uncheck();
        await page.keyboard.press('Escape');
        await page.locator('body').click({ position: { x: 2, y: 2 } });
        await page.keyboard.press('5');
        await page.keyboard.press('l');
        await page.keyboard.press('ArrowRight');
        await at(page, times, n + 1, 'arrows still step');
        assert.equal(await page.locator('input[name=speed]:checked').inputValue(), '1');
        await page.reload();
        await page.keyboard.press('5');
        assert.equal(await page.locator('input[name=speed]:checked').inputValue(), '1', 'it is kept');
        await page.done();
    },

    'a gap has a text in its place, and marks lead from one to the next': async ({ store, browser }) => {
        const page = await openPage(browser);
        await page.visit(`${store.address}/event/${event.damaged}`);
        const [clip] = (await page.evaluate(() => JSON.parse(document.getElementById('timing').textContent))).videos;
        const gap = clip.missing.find(([from, until]) => until - from > 0.1);
        assert.ok(gap, `the store has a gap: ${JSON.stringify(clip.missing)}`);
        await page.evaluate((t) => { location.hash = `#t=${t}`; }, ((gap[0] + gap[1]) / 2 + clip.from).toFixed(3));
        await page.locator('.absent').waitFor({ state: 'visible' });
        assert.match(await page.locator('.absent').innerText(), /camera recorded nothing|did not arrive/);
        assert.match(await page.locator('output[data-frame="0"]').innerText(), /^no frame/);
        const marks = await page.evaluate(() => [...document.querySelectorAll('.jump a')].map((a) => +a.hash.slice(3)));
        assert.ok(marks.length > 0);
        await page.evaluate(() => { location.hash = '#t=0'; });
        await page.locator('.absent').waitFor({ state: 'hidden' });
        await page.keyboard.press(']');
        const first = marks.find((t) => t > 0.005);
        await page.waitForFunction((t) => Math.abs(document.querySelector('.seek').value - t) < 0.006, first);
        await page.done();
    },

    'backwards it goes by steps, and ends at the beginning': async ({ store, browser }) => {
        const times = timesOf(store);
        const page = await openEvent(store, browser, { hash: `#t=${(times[0][0] + 0.5).toFixed(3)}` });
        await page.keyboard.press('j');
        await page.waitForFunction((t) => document.querySelector('.seek').value - t < 0.01, times[0][0]);
        await show(page, [1, 1], 'the first pictures');
        assert.equal(await page.evaluate(() => document.querySelector('[data-do=play] use').getAttribute('href').endsWith('play')), true);
        await page.done();
    },

    'without script all of it is there but the common clock': async ({ store, browser }) => {
        const page = await openPage(browser, { javaScriptEnabled: false });
        await page.visit(`${store.address}/event/${event.pair}`);
        assert.equal(await page.locator('.player video[controls]').count(), 2);
        assert.equal(await page.locator('.controls').isVisible(), false);
        for (const part of ['.lane', '.plot', '.map svg', '.jump a', '.custody', '.files', 'button[form=reviewed]'])
            assert.ok(await page.locator(part).first().isVisible(), part);
        await page.locator('.actions [popovertarget=addnote]').click();
        assert.ok(await page.locator('#addnote textarea').isVisible(), 'sheets open');
        await page.done();
    },
};
