// Maps: every <figure class="map" data-map> becomes one that can be moved. What stands in it before
// (the server's drawing, for who has no script, and for paper) stays for print.
//   data-tiles        address of tiles, with {z} {x} {y}; data-zoom: nearest zoom they have
//   data-credit       whose streets these are
//   data-points       id of a JSON island: [[lat, lon, "/event/…", "label", "class"], …]
//   data-track        id of a JSON island: [[seconds from the trigger, lat, lon], …]; null: a gap
// The event page tells where its clock is: document event "clock", detail.t in seconds.
import * as L from "/assets/leaflet.js";

// Only pages with a map need its style; ours comes behind it by !important.
const style = document.createElement("link");
style.rel = "stylesheet";
style.href = "/assets/leaflet.css";
await new Promise(done => { style.onload = style.onerror = done; document.head.prepend(style); });

const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const dark = matchMedia("(prefers-color-scheme: dark)");
const island = id => id ? JSON.parse(document.getElementById(id).textContent) : [];

function ground(box) {
  const own = box.dataset.tiles.startsWith("/");
  const address = () => box.dataset.tiles + (own && dark.matches ? "?dark=1" : "");
  const layer = L.tileLayer(address(), {
    maxNativeZoom: +box.dataset.zoom, maxZoom: 19, attribution: "", keepBuffer: 1,
  });
  if (own) dark.addEventListener("change", () => layer.setUrl(address()));
  return layer;
}

// A label is text: of vehicles and people, never markup.
function label(point) {
  const a = document.createElement("a");
  a.href = point[2];
  a.textContent = point[3];
  return a;
}

function points(map, list) {
  const group = L.featureGroup();
  for (const p of list) {
    const icon = L.divIcon({ className: `pin ${p[4]}`, iconSize: [24, 24] });
    L.marker([p[0], p[1]], { icon, title: p[3], alt: p[3], keyboard: true })
      .bindPopup(() => label(p)).addTo(group);
  }
  return group.addTo(map);
}

function track(map, list) {
  const group = L.featureGroup(), parts = [[]];
  for (const p of list) p ? parts.at(-1).push([p[1], p[2]]) : parts.push([]);
  for (const part of parts) L.polyline(part, { className: "way", weight: 3 }).addTo(group);
  for (const p of list) if (p) L.circleMarker([p[1], p[2]], { className: "dot", radius: 3 }).addTo(group);
  const me = L.circleMarker([0, 0], { className: "me", radius: 7 });
  document.addEventListener("clock", e => {
    const k = list.findLastIndex(p => p && p[0] <= e.detail.t), a = list[k], b = list[k + 1];
    if (!a) return void me.remove();
    const f = b && b[0] > a[0] ? Math.min(1, (e.detail.t - a[0]) / (b[0] - a[0])) : 0;
    me.setLatLng(b ? [a[1] + f * (b[1] - a[1]), a[2] + f * (b[2] - a[2])] : [a[1], a[2]]).addTo(map);
  });
  return group.addTo(map);
}

for (const box of document.querySelectorAll("[data-map]")) {
  const place = document.createElement("div");
  place.className = "live noprint";
  box.querySelector("svg")?.classList.add("print-only");
  box.prepend(place);
  const map = L.map(place, {
    attributionControl: false, zoomControl: false, scrollWheelZoom: false,
    zoomAnimation: !still, fadeAnimation: false, markerZoomAnimation: !still, inertia: !still,
  });
  L.control.zoom({ zoomInTitle: box.dataset.in, zoomOutTitle: box.dataset.out }).addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  // The wheel scrolls the page until the map was touched: nobody is caught in it.
  map.on("click focus", () => map.scrollWheelZoom.enable());
  map.on("blur", () => map.scrollWheelZoom.disable());
  ground(box).addTo(map);
  const at = points(map, island(box.dataset.points)), way = track(map, island(box.dataset.track));
  const all = [at, way].map(g => g.getBounds()).filter(b => b.isValid())
    .reduce((a, b) => a ? a.extend(b) : b, null) ?? [[-40, -100], [65, 140]];
  // Outlines alone tell where points are from afar only; a track tells more by itself.
  const near = way.getBounds().isValid() ? 17 : +box.dataset.zoom < 12 ? 6 : 16;
  map.fitBounds(all, { padding: [24, 24], maxZoom: near, animate: false });
}
