// The list of events: keys, and "Mark reviewed" without leaving it. It works without, too.
const $ = (s, at = document) => at.querySelector(s);
const keymap = $("#keymap"), off = $("[data-keys]");

// Who speaks to the computer, or rests a hand on the keys, can switch single letters off.
off.checked = localStorage.getItem("keys") !== "off";
off.addEventListener("change", () => localStorage.setItem("keys", off.checked ? "on" : "off"));

const rows = () => [...document.querySelectorAll(".card h3 a, #table tbody th a")];
const around = e => e?.closest(".card, tr");

function move(by) {
  const all = rows(), at = all.indexOf($("h3 a, th a", around(document.activeElement) ?? keymap));
  const to = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))];
  to?.focus();
  around(to)?.scrollIntoView({ block: "nearest" });
}

const keys = {
  j: () => move(1),
  k: () => move(-1),
  r: () => $("form[data-tick] button", around(document.activeElement) ?? keymap)?.click(),
  "?": () => keymap.togglePopover(),
  "/": () => $("[type=search]").focus(),
};

addEventListener("keydown", e => {
  const typing = e.target.matches("input:not([type=checkbox]), select, textarea");
  const on = keys[e.key.toLowerCase()];
  if (!on || typing || e.ctrlKey || e.metaKey || e.altKey || !off.checked) return;
  e.preventDefault();
  on();
});

// The answer to a script is what the job is called.
document.addEventListener("submit", async e => {
  const form = e.target.closest("form[data-tick]");
  if (!form) return;
  e.preventDefault();
  const row = around(form), held = row.contains(document.activeElement);
  const button = $("button", form);
  button.disabled = true;
  const body = new URLSearchParams(new FormData(form));
  const headers = { Accept: "application/json" };
  const answer = await fetch(form.action, { method: "POST", body, headers }).catch(() => null);
  if (!answer?.ok) {
    form.removeAttribute("data-tick"); // the browser's own way tells why
    return form.submit();
  }
  const done = $("[data-reviewed]").content.cloneNode(true);
  form.replaceWith(done);
  row.classList.replace("new", "seen");
  row.dataset.ticked = "";
  $("h3 .hidden, th .hidden", row)?.remove();
  if (held) $("h3 a, th a", row).focus();
});

// What is not chosen is not in the address.
$(".filters").addEventListener("formdata", e => {
  for (const [name, value] of [...e.formData]) if (!value) e.formData.delete(name);
});
