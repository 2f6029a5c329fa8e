// The tests of the pages in a real browser: node run.mjs [WORD …] runs those whose names have one of the words.
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser } from './browser.mjs';
import { openGrownStore, openStore, top } from './store.mjs';

const began = Date.now();
const words = process.argv.slice(2);
const here = join(top, 'tests/browser');
const pictures = process.env.SCREENSHOTS ?? join(top, 'build/browser');
mkdirSync(pictures, { recursive: true });

const tests = [];
for (const file of readdirSync(here).filter((name) => name.endsWith('.test.mjs')).sort()) {
    const { default: of } = await import(join(here, file));
    for (const [name, body] of Object.entries(of))
        tests.push({ name: `${file.replace('.test.mjs', '')}: ${name}`, body });
}
const chosen = tests.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
if (chosen.length === 0) {
    console.error('no test has such a name');
    process.exit(2);
}

const store = await openStore();
const grown = chosen.some(({ name }) => name.includes('100 000')) ? openGrownStore() : null;
const browser = await openBrowser();
console.log(`the store is ready: ${((Date.now() - began) / 1000).toFixed(1)} s`);
let failed = 0;
for (const { name, body } of chosen) {
    const from = Date.now();
    let why = null, timer = null;
    try {
        const late = new Promise((_, fail) => {
            timer = setTimeout(() => fail(new Error('not done after 180 s')), 180000);
        });
        await Promise.race([body({ store, grown, browser, pictures }), late]);
    } catch (error) {
        why = error;
    }
    clearTimeout(timer);
    for (const context of browser.contexts())
        await context.close();
    failed += why !== null;
    console.log(`  ${name} ${'.'.repeat(Math.max(3, 76 - name.length))} ${why ? 'FAILED' : 'Passed'} ${((Date.now() - from) / 1000).toFixed(1)} s`);
    if (why)
        console.log(`${why.stack ?? why}`.replace(/^/gm, '      '));
}
await browser.close();
await store.close();
grown?.close();
console.log(`browser: ${((Date.now() - began) / 1000).toFixed(0)} s\n${chosen.length - failed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
