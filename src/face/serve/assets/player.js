// The player of an event: one clock for all its videos. T is seconds from the trigger; the times of all pictures are
// those of timing.json. Whoever leads is the first video that has a picture at T; the others are held at its position by
// playing a little faster or slower. The number below a picture is that of the one that is on the screen, as the
// browser says so (requestVideoFrameCallback).
const $ = (s, at = document) => at.querySelector(s), $$ = (s, at = document) => [...at.querySelectorAll(s)];
const player = $(".player"), data = $("#timing") && JSON.parse($("#timing").textContent);

const words = $("#words")?.dataset ?? {};
// "%s", or "%1$s": what a sentence of the page has its place for.
const say = (text, ...of) => text.replace(/%(?:(\d)\$)?s/g, (_, n) => of[n ? n - 1 : of.n = (of.n ?? -1) + 1]);
const T = (v) => `T${v < -0.005 ? "−" : "+"}${Math.abs(v).toFixed(2).padStart(5, "0")}`;

// Below this a slave is left alone; up to SEEK it is made a little faster or slower; beyond, it is set.
const STILL = 0.004, SEEK = 0.5, EDGE = 1e-4;
const LETTERS = "keys"; // as the list keeps it

/* ---- videos ---- */

// The last time of a list that is not after v; -1: all are.
const lastAt = (times, v) => {
  let a = 0, b = times.length;
  while (a < b) {
    const m = (a + b) >> 1;
    if (times[m] <= v + EDGE) a = m + 1;
    else b = m;
  }
  return a - 1;
};

class Clip {
  constructor(facts, element, first) {
    Object.assign(this, facts, { element, first, to: this.from + facts.end, shown: -1, wanted: null, broken: false, lag: 0 });
    this.to = this.from + this.end;
    this.times = this.times_us.length ? this.times_us.map((us) => us / 1e6) : [0];
    element.muted = true;
    element.addEventListener("seeked", () => this.seeked());
    element.addEventListener("loadedmetadata", () => this.wanted !== null && this.seek(this.wanted));
    element.addEventListener("error", () => { this.broken = true; show(); });
    for (const name of ["waiting", "canplay", "stalled"]) element.addEventListener(name, () => attend());
    this.follow();
  }
  // Each picture that comes onto the screen, as the browser says so.
  follow() {
    const { element } = this;
    const seen = (now, frame) => {
      const behind = element.currentTime + (frame.expectedDisplayTime - now) / 1000 * element.playbackRate - frame.mediaTime;
      if (!element.paused && Math.abs(behind) < 0.15) this.lag += (behind - this.lag) / 8;
      this.shown = lastAt(this.times, frame.mediaTime + 0.002);
      caption(this.lane);
      element.requestVideoFrameCallback(seen);
    };
    if (element.requestVideoFrameCallback) element.requestVideoFrameCallback(seen);
    else element.addEventListener("timeupdate", () => { this.shown = lastAt(this.times, element.currentTime); caption(this.lane); });
  }
  has(t) { return t >= this.from - EDGE && t < this.to - EDGE; }
  frame(t) { return Math.max(0, lastAt(this.times, t - this.from)); }
  time(k) { return this.from + this.times[k]; }
  // Between a picture's time and the next one's: no rounding shows its neighbour, nor what a viewing copy has in a gap.
  middle(k) {
    const at = this.times[k], next = k + 1 < this.times.length ? this.times[k + 1] : Math.max(this.end, at + 0.01);
    return at + Math.min((next - at) / 2, 0.015);
  }
  // One seek at a time: what is wanted meanwhile is done when it is over.
  seek(media) {
    const { element } = this;
    this.wanted = media;
    if (element.readyState < 1 || element.seeking) return;
    this.wanted = null;
    if (Math.abs(element.currentTime - media) > 0.0005) element.currentTime = media;
  }
  seeked() {
    if (this.wanted !== null) this.seek(this.wanted);
    else if (this.element.paused) {
      this.shown = lastAt(this.times, this.element.currentTime);
      caption(this.lane);
    }
    attend();
  }
  // Where its pictures are, in media time, now.
  media() {
    return this.element.currentTime;
  }
  gap(t) { return this.missing.find(([a, b]) => t - this.from >= a + EDGE && t - this.from < b - 0.001 && t - this.from > a + 0.04); }
}

let clips = [], lanes = [], t = 0, rate = 1, way = 0, waits = false, last = 0, sound = false, lo = 0, hi = 0, loop;

// The clip of a lane at t, if any.
const clipAt = (lane, v) => lane.clips.find((c) => c.has(v)) ?? (v >= hi - EDGE ? lane.clips.find((c) => Math.abs(c.to - v) <= 2 * EDGE) : undefined);
const active = (v) => lanes.map((lane) => clipAt(lane, v)).filter((c) => c && !c.broken);
// Who leads: frames are stepped by its times.
const leader = (v) => active(v)[0];

/* ---- what is told ---- */

function caption(n) {
  const lane = lanes.find((l) => l.n === n);
  if (!lane) return;
  const clip = clipAt(lane, t), all = lane.clips.reduce((sum, c) => sum + c.times.length, 0);
  if (!clip || !lane.absent.hidden) {
    lane.output.textContent = say(words.none, all);
    return;
  }
  const before = lane.clips.slice(0, lane.clips.indexOf(clip)).reduce((sum, c) => sum + c.times.length, 0);
  const k = clip.shown >= 0 ? clip.shown : clip.frame(t);
  lane.output.textContent = say(words.shown, before + k + 1, all);
}

function absence(lane, clip) {
  if (clip?.broken) return words.broken;
  if (clip) {
    const gap = clip.gap(t);
    return gap ? gap[2] ? words.lost : words.gap : "";
  }
  const next = lane.clips.find((c) => c.from > t), first = lane.clips[0], end = lane.clips.at(-1).to;
  if (t < first.from) return say(words.begins, T(first.from));
  return next ? say(words.between, T(next.from)) : say(words.ended, T(end));
}

function between(list, v, field) {
  const k = list.findIndex((p) => p[0] >= v);
  if (k < 0 || (k === 0 && list[0][0] - v > 0.001)) return null;
  const b = list[k], a = list[Math.max(0, k - 1)];
  if ((a[field] < 0 || b[field] < 0) && field !== 1 && field !== 2 && !list.signed || b[0] - a[0] > data.gap_s) return null;
  return a[field] + (b[field] - a[field]) * (b[0] > a[0] ? (v - a[0]) / (b[0] - a[0]) : 0);
}

function journey() {
  const speed = $("[data-speed]"), force = $("[data-g]"), me = $("[data-me]"), course = $("[data-course]");
  const v = data.places?.length ? between(data.places, t, 3) : null;
  if (speed) speed.textContent = v === null ? "–" : `${Math.round(v)} km/h`;
  if (force) {
    const list = data.force, k = lastAt(data.forceTimes, t);
    const near = k >= 0 && t - list[k][0] < 0.1;
    force.textContent = near ? `${(Math.hypot(...list[k].slice(1)) / 1000).toFixed(1)} g` : "–";
  }
  if (!me) return;
  const lat = between(data.places, t, 1), lon = between(data.places, t, 2), map = me.ownerSVGElement.dataset;
  me.toggleAttribute("hidden", lat === null);
  me.style.visibility = lat === null ? "hidden" : "";
  if (lat === null) return;
  const k = Math.max(0, lastAt(data.times, t)), angle = data.places[k][4];
  const x = 160 + (lon - map.lon) * map.x, y = 95 - (lat - map.lat) * map.y;
  me.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})${angle >= 0 ? ` rotate(${angle})` : ""}`);
  if (course) course.textContent = `${v === null ? "" : `${Math.round(v)} km/h`}${angle >= 0 ? `, ${angle}°` : ""}`;
}

function clock() {
  const seek = $(".seek"), wall = $("[data-wall]");
  $(".tracks").style.setProperty("--at", hi > lo ? (t - lo) / (hi - lo) : 0);
  seek.value = t;
  seek.setAttribute("aria-valuetext", say(words.at, T(t)));
  $("[data-t]").textContent = T(t);
  if (wall && Number.isFinite(data.t0_ms)) {
    const at = new Date(data.t0_ms + data.tz_min * 60000 + Math.round(t * 1000));
    wall.textContent = `${at.toISOString().slice(11, 22)} ${words.zone}`;
  }
}

// All that follows the clock; `pictures`: the videos, too.
function show(pictures = true) {
  clock();
  for (const lane of lanes) {
    const clip = clipAt(lane, t), why = absence(lane, clip);
    for (const c of lane.clips) c.element.classList.toggle("off", c !== (clip ?? lane.clips[0]));
    lane.absent.hidden = !why;
    lane.absent.textContent = why;
    if (pictures && clip && !clip.broken) clip.seek(clip.middle(clip.frame(t)));
    caption(lane.n);
  }
  journey();
  document.dispatchEvent(new CustomEvent("clock", { detail: { t } })); // for map.js
}

const go = (v, pictures = true) => { t = Math.min(hi, Math.max(lo, v)); show(pictures); };

/* ---- playing ---- */

// Those that have pictures now play, the others stand.
function attend() {
  if (way <= 0) return;
  const now = active(t);
  // Who has no pictures yet makes all wait.
  waits = now.some((c) => c.element.seeking || c.element.readyState < 3 && !c.element.ended);
  player.toggleAttribute("data-waits", waits);
  for (const c of clips) {
    const plays = !waits && now.includes(c) && !c.element.ended;
    if (plays && c.element.paused) c.element.play().catch(() => {});
    else if (!plays && !c.element.paused) c.element.pause();
    c.element.muted = !(sound && c.sound && c === now.find((s) => s.sound));
  }
}

// The others follow the leader: both are asked at the same moment.
function hold(lead, passed) {
  const at = lead.from + lead.media();
  for (const c of active(t)) {
    if (c === lead) {
      if (c.element.playbackRate !== rate) c.element.playbackRate = rate;
      continue;
    }
    // What is on the screen is not where a browser believes to be: with sound and without, it is behind by another time.
    const lag = Math.max(-0.05, Math.min(0.05, c.lag - lead.lag));
    const want = at - c.from, off = c.media() - want - (Math.abs(lag) > 0.012 ? lag : 0);
    if (Math.abs(off) > SEEK * Math.max(1, rate)) {
      c.seek(Math.max(0, want + 0.03 * rate));
      c.element.playbackRate = rate;
    } else {
      // So much faster or slower that it is there in a moment; nothing is heard of it.
      // Longer than until the next look at it, else it goes beyond.
      // A leader that has sound waits for its loudspeaker first: who is ahead of it then stands, too.
      const within = Math.max(1.5 * passed, off > 0.012 ? 0.02 : off < -0.02 ? 0.08 : 0.3);
      const change = Math.abs(off) < STILL ? 0 : off / within / rate;
      const to = rate * Math.min(3, 1 - change);
      c.element.playbackRate = to < 0.0625 ? 0 : to; // between these a browser throws
    }
  }
}

function tick(now) {
  if (!way) return;
  const passed = last ? Math.min(0.25, (now - last) / 1000) : 0;
  last = now;
  if (way < 0) {
    go(t - rate * passed);
    if (t <= lo) play(0);
  } else {
    const lead = leader(t);
    attend();
    if (lead && !waits) {
      hold(lead, passed);
      const at = lead.from + lead.media();
      // It is at its end, or has none: what comes then has a clock of its own.
      if (lead.element.ended || at >= lead.to - EDGE) go(Math.max(t, lead.to), false), enter();
      else if (at > t - 0.5) go(at, false);
    } else if (!lead) {
      const before = active(t).length;
      go(t + rate * passed, false);
      if (active(t).length !== before) enter();
    }
    enter();
    if (t >= hi - EDGE) play(0);
  }
  if (way) loop = requestAnimationFrame(tick);
}

// Clips that begin now are set to where the clock is.
function enter() {
  for (const c of active(t))
    if (c.element.paused && !c.element.seeking && Math.abs(c.media() - (t - c.from)) > 0.2) c.seek(Math.max(0, t - c.from));
}

function play(direction) {
  const button = $("[data-do=play]"), played = way > 0;
  way = direction;
  last = 0;
  button.setAttribute("aria-label", way ? button.dataset.pause : button.dataset.play);
  $("use", button).setAttribute("href", `/assets/icons.svg#i-${way ? "pause" : "play"}`);
  if (way > 0) {
    if (t >= hi - EDGE) go(lo);
    for (const c of active(t)) {
      c.element.preload = "auto";
      c.seek(Math.max(0, t - c.from));
    }
    attend();
  } else {
    for (const c of clips) c.element.pause();
    waits = false;
    player.removeAttribute("data-waits");
  }
  cancelAnimationFrame(loop); // of the direction before
  if (way) loop = requestAnimationFrame(tick);
  else settle(played);
}

// Paused, it is at a picture of the leader, and all show what was on then: after playing, at the one that was seen
// last, which may be one after that of the clock's last look.
function settle(played) {
  const lead = leader(t), k = lead?.frame(t);
  if (lead) t = Math.max(lo, lead.time(played && lead.shown >= 0 && Math.abs(lead.shown - k) <= 2 ? lead.shown : k));
  show();
}

function setRate(v) {
  rate = +v;
  const radio = $(`.speed [value="${v}"]`);
  if (radio) radio.checked = true;
}

// By the true times of its pictures: never by 1/fps.
function step(by) {
  if (way) play(0);
  const lead = leader(t) ?? (by > 0 ? clips.filter((c) => c.from > t).sort((a, b) => a.from - b.from)[0] : clips.filter((c) => c.to <= t + EDGE).sort((a, b) => b.to - a.to)[0]);
  if (!lead) return;
  const inside = lead.has(t) || leader(t) === lead;
  const k = inside ? lead.frame(t) + by : by > 0 ? 0 : lead.times.length - 1;
  if (k >= 0 && k < lead.times.length) return go(lead.time(k));
  // Over its edge: the nearest picture of any other one.
  const all = clips.flatMap((c) => c.times.map((_, i) => c.time(i))).filter((v) => by > 0 ? v > t + EDGE : v < t - EDGE);
  if (all.length) go(by > 0 ? Math.min(...all) : Math.max(...all));
}

/* ---- what people do ---- */

function layout(v) {
  player.dataset.layout = v;
  for (const b of $$(".layout button")) b.setAttribute("aria-pressed", b.dataset.layout === v);
  for (const lane of lanes) lane.figure.classList.toggle("large", String(lane.n) === v);
}

function around(by) {
  const marks = $$(".jump a").map((a) => +a.hash.slice(3)).sort((a, b) => a - b);
  const to = by > 0 ? marks.find((v) => v > t + 0.005) : marks.findLast((v) => v < t - 0.005);
  if (to !== undefined) jump(to);
}

function jump(v) {
  if (way) play(0);
  go(v);
  // A mark may be between two pictures: what is shown is told.
  settle2(v);
}

// The picture that is on at v, or the first one after it where v is where a gap begins.
function settle2(v) {
  const lead = leader(v);
  if (lead && Math.abs(lead.time(lead.frame(v)) - v) < 0.0011) go(lead.time(lead.frame(v)));
}

const act = {
  trigger: () => jump(Math.min(hi, Math.max(lo, 0))),
  back: () => { go(t - 1); },
  next: () => { go(t + 1); },
  fback: () => step(-1),
  fnext: () => step(1),
  play: () => play(way ? 0 : 1),
  full: () => document.fullscreenElement ? document.exitFullscreen() : player.requestFullscreen?.().catch(() => {}),
  sound: () => {
    const b = $("[data-do=sound]");
    if (!b) return;
    sound = !sound;
    b.setAttribute("aria-pressed", sound);
    const first = active(t).find((c) => c.sound);
    for (const c of clips) c.element.muted = !(sound && c === first);
  },
};

const press = (s) => $(s)?.click();
const faster = (direction) => way === direction ? setRate(Math.min(4, rate * 2)) : play(direction);
const letters = {
  k: () => play(0), t: act.trigger, m: act.sound, f: act.full, l: () => faster(1), j: () => faster(-1),
  "[": () => around(-1), "]": () => around(1),
  v: () => {
    const all = ["both", ...lanes.map((l) => String(l.n))];
    if (lanes.length > 1) layout(all[(all.indexOf(player.dataset.layout) + 1) % all.length]);
  },
};
[0.25, 0.5, 1, 2, 4].forEach((v, i) => letters[i + 1] = () => setRate(v));
const pageLetters = {
  e: () => press("[popovertarget=export]"), r: () => press(".actions [form=reviewed] kbd"), n: () => press("[data-key=n]"),
  p: () => press("[data-key=p]"), "?": () => $("#keymap")?.togglePopover(),
};
const keys = {
  " ": act.play,
  ArrowLeft: (e) => e.shiftKey ? act.back() : step(-1),
  ArrowRight: (e) => e.shiftKey ? act.next() : step(1),
};
const lettersOn = () => localStorage.getItem(LETTERS) !== "off";
const isTyping = (e) => e.ctrlKey || e.metaKey || e.altKey ||
  e.target.closest?.("input:not([type=range], [type=radio], [type=checkbox]), select, textarea, [contenteditable]");

function onKey(e) {
  if (e.defaultPrevented || isTyping(e) || $(".redact")) return; // redact.js has all keys while a box is drawn
  const key = e.key.length === 1 ? e.key.toLowerCase() : e.key, { target } = e;
  const one = lettersOn() ? (player ? letters[key] : undefined) ?? pageLetters[key] : key === "?" ? pageLetters["?"] : undefined;
  const does = one ?? (player ? keys[key] : undefined);
  // What has the focus has its own use for these, and a sheet that is open hides the player.
  const own = key === " " && target.closest?.("button, a, summary, input") || key.startsWith("Arrow") && target.closest?.("[type=radio], .scroll") ||
    target.closest?.("[popover]") && key !== "?";
  if (!does || own) return;
  e.preventDefault();
  does(e);
}

/* ---- begin ---- */

function begin() {
  [lo, hi] = data.range;
  const figures = $$(".videos figure");
  lanes = figures.map((figure) => ({ figure, n: +figure.dataset.lane, clips: [], output: $("output", figure), absent: $(".absent", figure) }));
  clips = data.videos.map((facts, i) => new Clip(facts, $(`#video-${i}`), i === 0));
  for (const lane of lanes) lane.clips = clips.filter((c) => c.lane === lane.n).sort((a, b) => a.from - b.from);
  data.places ??= [];
  data.force ??= [];
  data.times = data.places.map((p) => p[0]);
  data.forceTimes = data.force.map((p) => p[0]);
  const button = $("[data-do=play]");
  button.dataset.play = button.getAttribute("aria-label");

  player.addEventListener("click", (e) => {
    const b = e.target.closest("[data-do], .layout button"), picture = e.target.closest("video");
    if (b) b.dataset.do ? act[b.dataset.do]() : layout(b.dataset.layout);
    else if (picture) act.play();
  });
  document.addEventListener("hold", () => way && play(0));
  $(".speed").addEventListener("change", (e) => setRate(e.target.value));
  $(".seek").addEventListener("input", (e) => { if (way) play(0); go(+e.target.value); });
  $(".seek").addEventListener("change", () => settle());
  const hash = () => {
    const m = /^#t=(-?\d+(?:\.\d+)?)$/.exec(location.hash);
    if (m) jump(+m[1]);
    return !!m;
  };
  addEventListener("hashchange", hash);
  // A link to where it is already leads there again.
  for (const a of $$('a[href^="#t="]')) a.addEventListener("click", () => a.hash === location.hash && hash());
  if (!hash()) jump(Math.min(hi, Math.max(lo, 0)));
}

const box = $("[data-keys]");
if (box) {
  box.checked = lettersOn();
  box.addEventListener("change", () => localStorage.setItem(LETTERS, box.checked ? "on" : "off"));
}
addEventListener("keydown", onKey);

// Somebody is about to do something that a page that is loaded again would take away.
const isBusy = () => document.hidden || way || $(":popover-open, .redact");

// What waits for its copies is shown when they are there: by what the page says then.
async function awaitCopies() {
  for (const before = $$("[data-waiting]").length; before > 0;) {
    await new Promise((then) => setTimeout(then, 4000));
    if (isBusy()) continue;
    try {
      const answer = await fetch(location.pathname + location.search);
      const text = answer.ok ? await answer.text() : null;
      if (text !== null && text.split("data-waiting").length - 1 < before && !isBusy()) return location.reload();
    } catch {
      // the server is away for a moment
    }
  }
}
awaitCopies();
if (player && data) begin();
