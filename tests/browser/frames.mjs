// Which picture a video shows: its number, burned in at the lower right, is read back from the frame itself.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { top } from './store.mjs';

const font = readFileSync(join(top, 'src/footage/convert/font/DejaVuSansMono-Bold.ttf')).toString('base64');
const GRID = { w: 10, h: 14 };

/* ---- of a page ---- */

// The lower right corner of each video that has a frame, as it is shown now: grey values, in base64. All in one go.
function corners(selector) {
    return [...document.querySelectorAll(selector)].map((video) => {
        const w = Math.min(200, video.videoWidth), h = Math.min(80, video.videoHeight);
        if (video.readyState < 2 || w === 0)
            return null;
        const canvas = new OffscreenCanvas(w, h), pen = canvas.getContext('2d', { willReadFrequently: true });
        pen.drawImage(video, video.videoWidth - w, video.videoHeight - h, w, h, 0, 0, w, h);
        const { data } = pen.getImageData(0, 0, w, h);
        let grey = '';
        for (let i = 0; i < data.length; i += 4)
            grey += String.fromCharCode(Math.round(0.3 * data[i] + 0.6 * data[i + 1] + 0.1 * data[i + 2]));
        return { w, h, grey: btoa(grey) };
    });
}

/* ---- glyphs ---- */

// What is white on the box, cut into glyphs, each as a grid of how white its cells are.
function glyphs({ w, h, grey }) {
    const at = Buffer.from(grey, 'base64');
    const bright = (x, y) => at[y * w + x] > 140;
    // The box is dark up to the corner; the digits lie within it, a space away from each of its edges.
    let left = w, topmost = h;
    while (left > 0 && at[(h - 4) * w + left - 1] < 90)
        left--;
    while (topmost > 0 && at[(topmost - 1) * w + w - 4] < 90)
        topmost--;
    const found = [];
    let from = -1;
    for (let x = left; x <= w; x++) {
        let any = false;
        for (let y = topmost + 3; x < w && y < h - 3; y++)
            any ||= bright(x, y);
        if (any && from < 0)
            from = x;
        if (!any && from >= 0) {
            found.push({ from, to: x });
            from = -1;
        }
    }
    // Where the picture is dark, too, what is bright in it lies further off than digits from each other.
    const wide = found.filter(({ from: a, to }) => to - a > 3);
    const first = wide.findLastIndex(({ to }, i) => i + 1 < wide.length && wide[i + 1].from - to > 9) + 1;
    return wide.slice(first).map(({ from: a, to }) => {
        let upper = h, lower = 0;
        for (let y = topmost + 3; y < h - 3; y++)
            for (let x = a; x < to; x++)
                if (bright(x, y)) {
                    upper = Math.min(upper, y);
                    lower = Math.max(lower, y + 1);
                }
        const cells = [];
        for (let r = 0; r < GRID.h; r++)
            for (let c = 0; c < GRID.w; c++) {
                // the mean of what the cell covers
                const x0 = a + (to - a) * c / GRID.w, x1 = a + (to - a) * (c + 1) / GRID.w;
                const y0 = upper + (lower - upper) * r / GRID.h, y1 = upper + (lower - upper) * (r + 1) / GRID.h;
                let sum = 0, n = 0;
                for (let y = Math.floor(y0); y < Math.max(Math.ceil(y1), Math.floor(y0) + 1); y++)
                    for (let x = Math.floor(x0); x < Math.max(Math.ceil(x1), Math.floor(x0) + 1); x++, n++)
                        sum += Math.min(255, at[y * w + x]);
                cells.push(sum / n / 255);
            }
        return cells;
    });
}

let templates = null;

async function makeTemplates(browser) {
    const page = await browser.newPage();
    const drawn = await page.evaluate(async (bytes) => {
        const face = new FontFace('digits', Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0)));
        await face.load();
        document.fonts.add(face);
        return [...'0123456789'].map((digit) => {
            const w = 200, h = 80, canvas = new OffscreenCanvas(w, h), pen = canvas.getContext('2d');
            pen.fillStyle = '#111';
            pen.fillRect(0, 0, w, h);
            pen.fillStyle = '#fff';
            pen.font = '40px digits';
            pen.fillText(digit, 150, 55);
            const { data } = pen.getImageData(0, 0, w, h);
            let grey = '';
            for (let i = 0; i < data.length; i += 4)
                grey += String.fromCharCode(data[i]);
            return { w, h, grey: btoa(grey) };
        });
    }, font);
    await page.close();
    return drawn.map((one) => glyphs(one)[0]);
}

function digitOf(cells) {
    const far = templates.map((t, digit) => ({ digit, d: t.reduce((sum, v, i) => sum + (v - cells[i]) ** 2, 0) }));
    far.sort((a, b) => a.d - b.d);
    return far[0].d < 0.8 * far[1].d ? far[0].digit : NaN; // one that could be two is none
}

// The numbers that the videos of the page show, at one moment; null without a frame, NaN where it cannot be read.
export async function numbersShown(page, selector = 'video') {
    templates ??= await makeTemplates(page.context().browser());
    return numbersOf(await page.evaluate(corners, selector));
}

export const numbersOf = (all) => all.map((corner) =>
    corner && (glyphs(corner).map(digitOf).reduce((n, digit) => n * 10 + digit, glyphs(corner).length ? 0 : NaN)));

/*
 * The numbers that two videos show in each picture of the screen while they play, until `stop` (of the page's clock) is
 * over: [[front, rear], …]. Corners are taken as they are shown, and read afterwards.
 */
export async function numbersWhile(page, selector, ms) {
    templates ??= await makeTemplates(page.context().browser());
    const taken = await page.evaluate(async ([source, its, during]) => {
        const grab = new Function(`return ${source}`)();
        const all = [], until = performance.now() + during;
        while (performance.now() < until) {
            await new Promise(requestAnimationFrame);
            all.push(grab(its));
        }
        return all;
    }, [corners.toString(), selector, ms]);
    return taken.map(numbersOf);
}
