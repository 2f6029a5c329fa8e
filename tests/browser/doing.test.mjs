// What people do at the pages: each action from its button to what became of it, and by whom.
import assert from 'node:assert/strict';
import { event } from './addresses.mjs';
import { openPage } from './browser.mjs';
import { evil, imei } from './store.mjs';

const ROLES = ['viewer', 'reviewer', 'admin'];

async function logIn(browser, house, role, options = {}) {
    const page = await openPage(browser, options);
    page.refused.push('/'); // who is not logged in gets a page with 401
    await page.visit(`${house.address}/event/${event.pair}`);
    await page.locator('input[name=name]').fill(role);
    await page.locator('input[name=token]').fill(house.token[role]);
    await page.keyboard.press('Enter');
    await page.locator('.player').waitFor();
    page.refused.length = 0;
    return page;
}

const done = (page) => page.locator('#did[data-state=done]').waitFor();

// The answer to a form as a script would send it, with a token that holds or with another one.
const post = (page, fields, csrf) => page.evaluate(async ([all, token]) => {
    const body = new URLSearchParams({ csrf: token ?? document.querySelector('input[name=csrf]').value, ...all });
    const answer = await fetch('/action', { method: 'POST', body, redirect: 'manual' });
    return answer.type === 'opaqueredirect' ? 303 : answer.status;
}, [fields, csrf]);

const tests = {
    'reviewed leads on, and can be undone': async ({ store, browser }) => {
        const page = await openPage(browser);
        await page.visit(`${store.address}/event/${event.photos}`);
        const before = page.url();
        await page.keyboard.press('r');
        await page.waitForURL((url) => url.href !== before);
        await done(page);
        await page.locator('#did button').click();
        await page.waitForURL(/did=/);
        await done(page);
        await page.goto(`${store.address}/event/${event.photos}`);
        await page.getByRole('button', { name: 'Reviewed, next' }).waitFor();
        await page.done();
    },

    'a case and a note are saved, whatever is in them': async ({ store, browser }) => {
        const page = await openPage(browser);
        await page.visit(`${store.address}/event/${event.damaged}`);
        await page.getByRole('button', { name: 'Note' }).first().click();
        await page.locator('#addnote [name=case_number]').fill('K-2026-0417');
        await page.locator('#addnote [name=note]').fill(Object.values(evil).slice(0, 5).join('\n'));
        await page.locator('#addnote button:not([popovertarget])').click();
        await page.waitForURL(/did=/);
        await done(page);
        await page.goto(`${store.address}/event/${event.damaged}`);
        const text = await page.locator('main').innerText();
        for (const line of Object.values(evil).slice(0, 5))
            assert.ok(text.includes(line), line);
        assert.ok(text.includes('K-2026-0417'));
        await page.goto(`${store.address}/?q=0417`);
        assert.equal(await page.locator(`a[href^="/event/${event.damaged}"]`).count() > 0, true);
        await page.done();
    },

    'protected, and found by it': async ({ store, browser }) => {
        const page = await openPage(browser);
        await page.visit(`${store.address}/event/${event.hole}`);
        await page.getByRole('button', { name: 'Protect' }).first().click();
        await page.locator('#protect [name=reason]').fill('claim 17');
        await page.keyboard.press('Enter');
        await page.waitForURL(/did=/);
        await done(page);
        await page.goto(`${store.address}/?marks=protected`);
        assert.ok(await page.locator(`a[href^="/event/${event.hole}"]`).count() > 0);
        await page.done();
    },

    'a vehicle is named': async ({ store, browser }) => {
        const page = await openPage(browser);
        await page.visit(`${store.address}/vehicle/${imei.other}`);
        await page.locator('[name=name]').fill(evil.element);
        await page.locator('[name=plate]').fill('B-XY 1234');
        await page.locator('main form button').last().click();
        await page.waitForURL(/did=/);
        await done(page);
        await page.goto(`${store.address}/`);
        assert.ok((await page.locator('main').innerText()).includes(evil.element));
        assert.equal(await page.locator('img[src="x"]').count(), 0);
        await page.done();
    },

    'footage is asked for': async ({ store, browser }) => {
        const page = await openPage(browser);
        await page.visit(`${store.address}/event/${event.pair}`);
        await page.locator('.actions button[popovertarget=more]').click();
        await page.locator('#more [name=text], #more [name=reason]').first().fill('what came before');
        await page.locator('#more form button:not([popovertarget])').last().click();
        await page.waitForURL(/did=/);
        await done(page);
        await page.goto(`${store.address}/requests`);
        assert.ok((await page.locator('main').innerText()).includes('what came before'));
        await page.done();
    },

    'each role has the buttons of what it may do, and may do no more': async ({ store, browser }) => {
        const house = await store.withPeople();
        // As people.h says; which fields are right is for the forms' own tests: 400 is not a refusal.
        const least = { reviewed: 1, unreviewed: 1, protect: 1, note: 1, case: 1, export: 1, verify: 1, request: 1,
            cancel: 1, retry: 2, drop: 2, vehicle: 2, unprotect: 2 };
        for (const [rank, role] of ROLES.entries()) {
            const page = await logIn(browser, house, role);
            for (const [button, needed] of [['Reviewed, next', 1], ['Protect', 1], ['Note', 1], ['Export', 1]])
                assert.equal(await page.getByRole('button', { name: button }).first().isVisible(), rank >= needed, `${role}: ${button}`);
            page.refused.push('/action');
            for (const [what, needed] of Object.entries(least)) {
                const status = await post(page, { do: what, event: event.partial, to: '/', imei: imei.other, reason: 'role', text: 'x' });
                assert.equal(status === 403, rank < needed, `${role}: ${what} is answered with ${status}`);
            }
            // Downloads of originals are for reviewers.
            page.refused.push('/original/');
            const status = await page.evaluate(async (path) => (await fetch(path)).status, `/original/${event.pair}`);
            assert.equal(status === 403, rank < 1, `${role}: an original: ${status}`);
            await page.done();
        }
    },

    'a link on another site leads in, and a filter survives logging in': async ({ store, browser }) => {
        const house = await store.withPeople();
        const page = await logIn(browser, house, 'viewer');
        // As a mail in a browser has it: the session's cookie does not come along at once.
        const link = `${house.address}/?trigger=crash&view=table`;
        await page.route('http://mail.example/', (route) =>
            route.fulfill({ contentType: 'text/html', body: `<a href="${link.replace('&', '&amp;')}">look</a>` }));
        page.refused.push('/');
        page.home = 'mail.example';
        await page.goto('http://mail.example/');
        page.home = new URL(house.address).host;
        await page.getByRole('link', { name: 'look' }).click();
        await page.locator('table').waitFor();
        assert.equal(page.url(), link);
        await page.context().clearCookies();
        await page.goto(link);
        await page.locator('input[name=name]').fill('viewer');
        await page.locator('input[name=token]').fill(house.token.viewer);
        await page.keyboard.press('Enter');
        await page.locator('table').waitFor();
        assert.equal(page.url(), link);
        page.wrong = page.wrong.filter((line) => !line.includes('mail.example') && !line.includes('another host'));
        await page.done();
    },

    'nothing is done without the token of the page': async ({ store, browser }) => {
        const house = await store.withPeople();
        const page = await logIn(browser, house, 'admin');
        page.refused.push('/action');
        for (const csrf of ['', '0'.repeat(64), 'x'])
            assert.equal(await post(page, { do: 'note', event: event.pair, text: 'forged' }, csrf), 403);
        // Another person's token is none, either.
        const other = await logIn(browser, house, 'reviewer');
        const theirs = await other.locator('input[name=csrf]').first().getAttribute('value');
        assert.equal(await post(page, { do: 'note', event: event.pair, text: 'forged' }, theirs), 403);
        await other.done();
        await page.done();
    },

    'what is done bears the name': async ({ store, browser }) => {
        const house = await store.withPeople();
        const page = await logIn(browser, house, 'reviewer');
        await page.getByRole('button', { name: 'Protect' }).first().click();
        await page.locator('#protect [name=reason]').fill('with my name');
        await page.keyboard.press('Enter');
        await page.waitForURL(/did=/);
        await done(page);
        await page.goto(`${house.address}/event/${event.pair}`);
        const row = page.locator('table tr', { hasText: 'with my name' }).first();
        assert.ok((await row.innerText()).includes('reviewer'), await row.innerText());
        await page.done();
    },

    'who logs out is out': async ({ store, browser }) => {
        const house = await store.withPeople();
        const page = await logIn(browser, house, 'viewer');
        const cookies = await page.context().cookies();
        assert.ok(cookies.length > 0 && cookies.every((c) => c.httpOnly && c.sameSite === 'Strict'), JSON.stringify(cookies));
        await page.getByRole('button', { name: 'Log out' }).click();
        page.refused.push('/');
        await page.context().addCookies(cookies); // somebody who kept it
        await page.goto(`${house.address}/`);
        await page.locator('input[name=token]').waitFor();
        await page.done();
    },
};

export default tests;
