// First of all: what other tests write is in no language.
// A page speaks one language: no sentence of ours is left in English where German is asked for.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pages } from './addresses.mjs';
import { openPage } from './browser.mjs';
import { top } from './store.mjs';

// What its translator wrote as it is in English: "Front", "Name".
const alike = new Set([...readFileSync(join(top, 'po/de.po'), 'utf8').matchAll(/^msgid "(.+)"\nmsgstr "\1"$/gm)].map((m) => m[1]));

// What a page says: its texts, and those of attributes that are read or shown.
function said() {
    const all = new Set();
    const skip = 'script, style, [translate=no], code, pre, kbd, .hash, .plate, [lang]:not(html)';
    const tree = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
    for (let node; (node = tree.nextNode());)
        if (!node.parentElement.closest(skip))
            all.add(node.textContent.replace(/\s+/g, ' ').trim());
    for (const e of document.querySelectorAll('*'))
        for (const name of ['title', 'aria-label', 'aria-valuetext', 'placeholder', 'alt'])
            if (e.hasAttribute(name) && !e.closest(skip))
                all.add(e.getAttribute(name).replace(/\s+/g, ' ').trim());
    for (const island of document.querySelectorAll('script[type="application/json"]#words'))
        for (const text of Object.values(JSON.parse(island.textContent)).flat().filter((t) => typeof t === 'string'))
            all.add(text);
    return [...all].filter((text) => /\p{L}{3}/u.test(text));
}

// Words that only English has, as whole words: a page in German that has one was not translated.
const english = new RegExp(`\\b(${('the and of is are was were be been not no yes with without from this that these it its has ' +
    'have had by for to at as which what when where who until since before after between each all any only also too ' +
    'seconds frames frame pictures missing damaged whole ends early reviewed review request requests package packages ' +
    'vehicle vehicles events files file camera cameras rear front driver road waiting failed received arrived made ' +
    'time day days today hour hours minute minutes speed force track custody condition note notes protected').split(' ')
    .join('|')})\\b`, 'i');
// … but for those that German has, too.
const both = /^(was|an|in|so|to|die|see|war|not|made|note)$/i;

async function saidIn(browser, address, locale) {
    const page = await openPage(browser, { locale });
    page.refused.push('/nothing');
    await page.visit(address);
    const words = await page.evaluate(said);
    const lang = await page.getAttribute('html', 'lang');
    await page.done();
    return { words, lang };
}

const tests = {};
for (const [name, path] of Object.entries(pages))
    tests[`${name} is in German`] = async ({ store, browser }) => {
        const en = await saidIn(browser, store.address + path, 'en-GB');
        const de = await saidIn(browser, store.address + path, 'de-AT');
        assert.equal(en.lang, 'en');
        assert.equal(de.lang, 'de');
        // What is said in both is data, or is the same in both languages; English it is not.
        const same = de.words.filter((text) => en.words.includes(text) && !alike.has(text));
        const left = same.filter((text) => {
            const bare = store.hostile.reduce((rest, hostile) => rest.replaceAll(hostile, ''), text);
            const words = bare.replace(/\S*[-_/.@]\S*/g, '').match(/\p{L}+/gu) ?? [];
            return words.some((word) => english.test(word) && !both.test(word) && !alike.has(word));
        });
        assert.deepEqual(left, []);
        assert.ok(de.words.length > 5);
    };
export default tests;
