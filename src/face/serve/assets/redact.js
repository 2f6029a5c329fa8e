// An area to black out is drawn on the paused frame; it becomes numbers in the export's form. The
// numbers can be typed, too: this is only the other way to them.
const sheet = document.getElementById("export");
const open = sheet && sheet.querySelector("[data-redact]");
const words = document.getElementById("redact-words");
const STEP = 8;

const clamp = (v, lo, hi) => Math.min(Math.max(v, lo), hi);

// A row without a box, or a new one.
function freeRow() {
  const rows = [...sheet.querySelectorAll(".mask")];
  const free = rows.find((row) => !row.querySelector('[name="mask_w"]').value);
  if (free) return free;
  const fresh = rows[0].cloneNode(true);
  fresh.querySelectorAll("input").forEach((input) => { input.value = ""; });
  rows[rows.length - 1].after(fresh);
  return fresh;
}

function fill(camera, box) {
  const row = freeRow();
  const of = row.querySelector('[name="mask_of"]');
  if ([...of.options].some((o) => o.value === camera)) of.value = camera;
  for (const key of ["x", "y", "w", "h"]) row.querySelector(`[name="mask_${key}"]`).value = box[key];
  document.getElementById("masks").open = true;
}

// Where the picture lies in its element (object-fit: contain), and how large its pixels are shown.
function pictureOf(video) {
  const width = video.videoWidth || Number(video.dataset.width) || video.clientWidth;
  const height = video.videoHeight || Number(video.dataset.height) || video.clientHeight;
  const scale = Math.min(video.clientWidth / width, video.clientHeight / height) || 1;
  return { width, height, scale,
    left: (video.clientWidth - width * scale) / 2, top: (video.clientHeight - height * scale) / 2 };
}

function cover(video, finish) {
  const picture = pictureOf(video);
  const layer = document.createElement("div");
  const area = document.createElement("div");
  layer.className = "redact";
  area.className = "redact-box";
  area.tabIndex = 0;
  area.setAttribute("role", "group");
  area.setAttribute("aria-label", words.dataset.box);
  const box = { x: Math.round(picture.width * 0.4), y: Math.round(picture.height * 0.4),
    w: Math.round(picture.width * 0.2), h: Math.round(picture.height * 0.2) };
  const show = () => {
    area.style.left = `${picture.left + box.x * picture.scale}px`;
    area.style.top = `${picture.top + box.y * picture.scale}px`;
    area.style.width = `${box.w * picture.scale}px`;
    area.style.height = `${box.h * picture.scale}px`;
  };
  const at = (event) => {
    const frame = layer.getBoundingClientRect();
    return { x: clamp(Math.round((event.clientX - frame.left - picture.left) / picture.scale), 0, picture.width),
      y: clamp(Math.round((event.clientY - frame.top - picture.top) / picture.scale), 0, picture.height) };
  };
  let from = null;
  layer.addEventListener("pointerdown", (event) => {
    from = at(event);
    layer.setPointerCapture(event.pointerId);
    event.preventDefault();
    area.focus();
  });
  layer.addEventListener("pointermove", (event) => {
    if (!from) return;
    const to = at(event);
    Object.assign(box, { x: Math.min(from.x, to.x), y: Math.min(from.y, to.y),
      w: Math.max(1, Math.abs(to.x - from.x)), h: Math.max(1, Math.abs(to.y - from.y)) });
    show();
  });
  layer.addEventListener("pointerup", () => { from = null; });
  area.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "Enter") finish(video.dataset.cam || "", box);
    else if (event.key === "Escape") finish();
    else if (move && event.shiftKey) {
      box.w = clamp(box.w + move[0] * STEP, 1, picture.width - box.x);
      box.h = clamp(box.h + move[1] * STEP, 1, picture.height - box.y);
    } else if (move) {
      box.x = clamp(box.x + move[0] * STEP, 0, picture.width - box.w);
      box.y = clamp(box.y + move[1] * STEP, 0, picture.height - box.h);
    } else return;
    event.preventDefault();
    event.stopPropagation();
    show();
  });
  layer.append(area);
  video.parentElement.append(layer);
  show();
  return { layer, area, box, camera: video.dataset.cam || "" };
}

function draw() {
  const videos = [...document.querySelectorAll(".frame video")].filter((v) => v.clientWidth > 0);
  if (videos.length === 0) { document.getElementById("masks").open = true; return; }
  let layers = [];
  const bar = document.createElement("p");
  const finish = (camera, box) => {
    layers.forEach((one) => one.layer.remove());
    bar.remove();
    if (box) fill(camera, box);
    sheet.showPopover();
    open.focus();
  };
  document.dispatchEvent(new CustomEvent("hold")); // for player.js: its clock stands
  sheet.hidePopover();
  layers = videos.map((video) => cover(video, finish));
  let last = layers[0];
  layers.forEach((one) => one.layer.addEventListener("focusin", () => { last = one; }));
  bar.className = "note redact-bar";
  bar.setAttribute("role", "status");
  const text = document.createElement("span");
  text.textContent = words.dataset.help;
  const button = (label, then) => {
    const b = document.createElement("button");
    b.type = "button";
    b.textContent = label;
    b.addEventListener("click", then);
    return b;
  };
  bar.append(text, button(words.dataset.done, () => finish(last.camera, last.box)),
    button(words.dataset.cancel, () => finish()));
  videos[0].closest("section, main").prepend(bar);
  last.area.focus();
}

if (open && words) {
  open.hidden = false;
  open.addEventListener("click", draw);
}
