// Debian's Chromium, and pages in it that complain of whatever goes wrong on them.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export function openBrowser() {
    return chromium.launch({
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
        // Its own sandbox does not work for root, nor /dev/shm in a container.
        chromiumSandbox: process.getuid() !== 0,
        args: ['--disable-gpu', '--disable-dev-shm-usage', '--autoplay-policy=no-user-gesture-required'],
    });
}

/*
 * A page of its own context: options as Playwright has them, and `width`, `height`, `dark`. page.wrong is what went
 * wrong on it: errors and warnings of its console (violations of its CSP are among them), what a script threw,
 * requests that failed or were refused; each test ends with page.done(), which throws if there is anything.
 */
export async function openPage(browser, { width = 1440, height = 900, dark = false, ...options } = {}) {
    const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: dark ? 'dark' : 'light',
        locale: 'en-GB',
        timezoneId: 'Europe/Vilnius',
        hasTouch: width < 800,
        ...options,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(20000);
    page.wrong = [];
    page.refused = []; // addresses whose refusal is what is tested
    const wrong = (what) => page.wrong.push(`${page.url()}: ${what}`);
    page.on('console', (line) => {
        const at = line.location().url;
        if (['error', 'warning'].includes(line.type()) && !page.refused.some((part) => at.includes(part)))
            wrong(`console: ${line.text()}`);
    });
    page.on('pageerror', (error) => wrong(`script: ${error.message}`));
    page.on('requestfailed', (request) => {
        // A page that is left takes its videos, its stream, and what was on its way with it.
        const { errorText } = request.failure();
        if (errorText !== 'net::ERR_ABORTED')
            wrong(`${request.url()}: ${errorText}`);
    });
    page.on('response', (response) => {
        if (response.status() >= 400 && !page.refused.some((part) => response.url().includes(part)))
            wrong(`${response.url()}: ${response.status()}`);
    });
    page.on('request', (request) => {
        const { protocol, host } = new URL(request.url());
        if (protocol.startsWith('http') && page.home && host !== page.home)
            wrong(`asks another host: ${request.url()}`);
    });
    page.on('dialog', (dialog) => {
        wrong(`a dialog: ${dialog.message()}`);
        dialog.dismiss().catch(() => {});
    });
    page.done = async () => {
        await context.close();
        if (page.wrong.length > 0)
            throw new Error([...new Set(page.wrong)].join('\n'));
    };
    // Fonts, pictures and first frames are there.
    page.settled = async () => {
        await page.evaluate(() => document.fonts.ready);
        await page.waitForFunction(() => [...document.images].every((i) => i.complete) &&
            [...document.querySelectorAll('video[src]')].every((v) => v.preload === 'none' || v.readyState >= 1 || v.error || v.poster));
    };
    page.visit = (address) => {
        page.home = new URL(address).host;
        return page.goto(address);
    };
    return page;
}

// What axe finds against WCAG 2.2 AA, as lines.
export async function axeFinds(page) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, {
        resultTypes: ['violations'],
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }));
    return violations.flatMap((rule) => rule.nodes.map((node) => {
        const why = node.failureSummary.replace(/\s+/g, ' ');
        return `${rule.id}: ${node.target.join(' ')}: ${node.html.slice(0, 160)}: ${why.slice(0, 300)}`;
    }));
}

// Whether something of the page is wider than it, and what: the widest elements that stick out.
export function sticksOut(page) {
    return page.evaluate(() => {
        const width = document.documentElement.clientWidth;
        if (document.scrollingElement.scrollWidth <= width)
            return [];
        return [...document.querySelectorAll('body *')]
            .filter((e) => e.getBoundingClientRect().right > width + 1)
            .map((e) => `${e.tagName.toLowerCase()}.${e.className}: ${Math.round(e.getBoundingClientRect().right)} of ${width} px`)
            .slice(0, 8);
    });
}

// Links, buttons and fields that are smaller than 24 px and not within a line of text (WCAG 2.2, 2.5.8).
export function smallTargets(page) {
    return page.evaluate(() => {
        const found = [];
        for (const e of document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')) {
            const box = e.getBoundingClientRect();
            const style = getComputedStyle(e);
            if (box.width === 0 || box.height === 0 || style.visibility === 'hidden' || e.closest('.skip, [inert]'))
                continue;
            // In a sentence, the height is that of its line; a label that stands for its field counts with it.
            const label = e.labels?.[0]?.getBoundingClientRect();
            const high = Math.max(box.height, label?.height ?? 0), wide = Math.max(box.width, label?.width ?? 0);
            const inLine = style.display === 'inline' && [...e.parentElement.childNodes]
                .some((n) => n.nodeType === Node.TEXT_NODE && n.textContent.trim().length > 1);
            const cover = getComputedStyle(e, '::after'); // a link that all of its card belongs to
            if (cover.content !== 'none' && cover.position === 'absolute')
                continue;
            if (!inLine && (high < 23.5 || wide < 23.5))
                found.push(`${e.outerHTML.slice(0, 120)}: ${Math.round(wide)}x${Math.round(high)}`);
        }
        return found;
    });
}
