// What happens while a page is open. One stream of a browser: the tab that has the lock has it, and
// tells the others. Nothing moves by itself: parts are replaced in place, new events are announced.
const words = document.getElementById("live").dataset, channel = new BroadcastChannel("dashspool");
const all = (s, at = document) => [...at.querySelectorAll(s)];
let last = words.now, asked = 0, skipped = false, timer, away;

function count(n) {
  for (const e of all("[data-count]")) {
    const to = n[e.dataset.count];
    if (to === undefined) continue;
    e.hidden = to === 0;
    e.firstElementChild.textContent = to;
  }
}

// Somebody is at it: it stays as it is.
const held = e => e.contains(document.activeElement) && document.activeElement !== document.body || e.querySelector(":popover-open");

// What was marked here a moment ago is not taken back by a page that does not know of it yet.
function card(mine, now) {
  if (mine.outerHTML === now.outerHTML || "ticked" in mine.dataset && now.classList.contains("new")) return;
  if (!held(mine)) return mine.replaceWith(now);
  skipped = true;
  for (const s of [".pic", ".foot", ".what"]) {
    const a = mine.querySelector(s), b = now.querySelector(s);
    if (a && b && !held(a) && a.innerHTML !== b.innerHTML) a.innerHTML = b.innerHTML;
  }
}

async function refresh() {
  asked = Date.now();
  skipped = false;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer || answer.status >= 500) return soon(); // what has changed is not here yet
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of all("[data-part]")) {
    const now = page.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!now || now.innerHTML === part.innerHTML) continue;
    if (held(part)) skipped = true;
    else part.innerHTML = now.innerHTML;
  }
  const mine = new Map(all("[data-id]").map(e => [e.dataset.id, e]));
  // Above one that is here it is new; below all of them it was on the next page before.
  let fresh = 0, above = 0;
  for (const now of all("[data-id]", page))
    if (mine.has(now.dataset.id)) {
      card(mine.get(now.dataset.id), now);
      fresh += above;
      above = 0;
    } else above++;
  if (above === all("[data-id]", page).length) fresh = above;
  const sign = document.querySelector("[data-fresh]");
  if (!sign || !fresh || Number(sign.dataset.page) > 1) return;
  sign.querySelector("span").textContent = fresh === 1 ? sign.dataset.one : sign.dataset.many.replace("%s", fresh);
  sign.hidden = false;
}

// Many pages are open, and all hear the same: each asks a little later, and not too often.
function soon() {
  if (timer || document.hidden || !document.querySelector("[data-part], [data-fresh]")) return;
  const ms = Math.max(300 + Math.random() * 1500, 5000 - (Date.now() - asked));
  timer = setTimeout(() => { timer = 0; refresh(); }, ms);
}

function offline(since) {
  const note = document.getElementById("offline");
  if (!since) return note?.remove();
  if (note) return;
  const p = document.createElement("p");
  p.id = "offline";
  p.className = "note bad";
  p.setAttribute("role", "alert");
  p.textContent = words.offline.replace("%s", new Date(since).toLocaleTimeString(document.documentElement.lang));
  document.querySelector("main").prepend(p);
}

function hear({ event, data, since }) {
  if (event === "away") return offline(since);
  offline();
  count(JSON.parse(data));
  if (last !== data) soon();
  last = data;
}

function listen() {
  const stream = new EventSource("/live");
  const tell = m => { channel.postMessage(m); hear(m); };
  stream.addEventListener("now", e => { away = 0; tell({ event: "now", data: e.data }); });
  stream.addEventListener("error", () => {
    away ||= Date.now();
    setTimeout(() => { if (away && stream.readyState !== 1) tell({ event: "away", since: away }); }, 4000);
    if (stream.readyState === 2) setTimeout(listen, 30000); // it was refused, not broken off
  });
  addEventListener("pagehide", () => stream.close(), { once: true });
}

// What waits and runs changes without a word.
if (document.querySelector("[data-part=status]")) setInterval(soon, 10000);
channel.addEventListener("message", e => hear(e.data));
document.addEventListener("visibilitychange", soon);
document.addEventListener("focusout", () => skipped && soon()); // what was left alone for it
if (navigator.locks) navigator.locks.request("live", () => new Promise(listen));
else listen();
