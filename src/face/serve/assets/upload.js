// Files are sent piece by piece; after a break it goes on where the server is. The form does without.
const $ = (s, at = document) => at.querySelector(s);
const form = $(".upload"), list = $(".files"), drop = $(".drop"), words = $("#words").dataset;
const token = form.elements.csrf.value, button = $("button.primary", form);
const footage = /\.(h265|hevc|265|jpe?g|mp4|json|meta|bin|txt|gpx|csv|kml|geojson|nmea)$/i;
const HASHED = 256e6; // what a browser can hold at once, to hash it
const wait = ms => new Promise(then => setTimeout(then, ms));
const size = n => n < 1e6 ? `${(n / 1e3).toFixed(1)} kB` : `${(n / 1e6).toFixed(1)} MB`;
const files = []; // {file, path, row}

function add(file, path) {
  path = path.replace(/^\/+/, "");
  if (!footage.test(path) || /(^|\/)\./.test(path) || files.some(f => f.path === path)) return;
  const row = document.createElement("li");
  row.innerHTML = '<span class="name"></span><span></span><progress max="1" value="0"></progress><span class="said"></span>';
  row.children[0].textContent = path;
  row.children[1].textContent = size(file.size);
  row.children[2].setAttribute("aria-label", path);
  row.children[3].textContent = words.waiting;
  list.append(row);
  files.push({ file, path, row });
}

// A folder that was dropped: all that is in it.
async function walk(entry) {
  if (entry.isFile) return new Promise(then => entry.file(f => { add(f, entry.fullPath); then(); }, then));
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise(then => reader.readEntries(then, () => then([])));
    if (!some.length) return;
    for (const one of some) await walk(one);
  }
}

for (const input of form.querySelectorAll("[type=file]"))
  input.addEventListener("change", () => {
    for (const f of input.files) add(f, f.webkitRelativePath || f.name);
    input.value = "";
  });
for (const what of ["dragover", "dragleave", "drop"])
  drop.addEventListener(what, e => {
    e.preventDefault();
    drop.classList.toggle("over", what === "dragover");
  });
drop.addEventListener("drop", async e => {
  for (const entry of [...e.dataTransfer.items].map(i => i.webkitGetAsEntry?.()).filter(Boolean)) await walk(entry);
});

// What the server says; an Error with its own sentence if it does not want it, null without an answer.
async function ask(address, body, type) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["X-CSRF-Token"] = token;
  if (type) headers["Content-Type"] = type;
  const answer = await fetch(address, { method: body === undefined ? "GET" : "POST", body, headers }).catch(() => null);
  if (!answer || answer.status >= 500) return null;
  if (answer.ok) return answer.json();
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  throw new Error($("main p", page)?.textContent ?? answer.statusText);
}

async function until(...what) {
  for (let ms = 500; ; ms = Math.min(ms * 2, 15000)) {
    const answer = await ask(...what);
    if (answer) return answer;
    await wait(ms);
  }
}

async function send(place, piece, f) {
  const [, , bar, said] = f.row.children, query = new URLSearchParams({ upload: place, name: f.path });
  const mine = f.file.size <= HASHED && crypto.subtle
    ? f.file.arrayBuffer().then(b => crypto.subtle.digest("SHA-256", b)).then(d => [...new Uint8Array(d)].map(v => v.toString(16).padStart(2, "0")).join("")).catch(() => "") : "";
  let at = null, state;
  for (let ms = 500; ;) {
    if (at === null) {
      state = await until(`/upload/state?${query}`);
      if (state.whole) break;
      at = state.offset;
    }
    bar.value = f.file.size ? at / f.file.size : 1;
    const part = new URLSearchParams({ upload: place, name: f.path, offset: at, total: f.file.size });
    state = await ask(`/upload/put?${part}`, f.file.slice(at, at + piece), "application/octet-stream");
    if (!state) {
      said.textContent = words.again;
      await wait(ms = Math.min(ms * 2, 15000));
      at = null;
      continue;
    }
    ms = 500;
    at = state.offset;
    said.textContent = `${size(at)}`;
    if (state.sha256) break;
  }
  bar.value = 1;
  const hash = state.sha256 ?? "", own = await mine;
  if (hash && own && hash !== own) throw new Error(words.differs);
  said.textContent = `${words.here}${hash && own ? ` (${words.same})` : ""}`;
  const code = document.createElement("code");
  code.className = "hash";
  code.textContent = hash;
  f.row.append(code);
}

// A time is of a zone.
const { time, zone } = form.elements;
time.addEventListener("input", () => { zone.required = time.value !== ""; });

form.addEventListener("submit", async e => {
  e.preventDefault();
  if (!files.length) { $("[type=file]", form).focus(); return; }
  button.disabled = true;
  let f;
  try {
    const { upload, piece } = await until("/upload/new", "", "application/x-www-form-urlencoded");
    for (f of files) await send(upload, piece, f);
    const fields = new URLSearchParams({ csrf: token, upload });
    for (const name of ["imei", "camera", "time", "zone"]) fields.set(name, form.elements[name].value);
    const { job } = await until("/upload/done", fields);
    location.assign(`/upload?did=${job}`);
  } catch (why) {
    const said = f?.row.children[3] ?? list;
    said.className = "said bad";
    said.textContent = `${words.failed} ${why.message}`;
    button.disabled = false;
  }
});
