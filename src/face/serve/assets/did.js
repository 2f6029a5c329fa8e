// Follows an action until it is over: what stands on top of the page is asked for anew.
const wait = (ms) => new Promise((then) => setTimeout(then, ms));

async function follow() {
  for (let ms = 100; ; ms = Math.min(ms * 1.5, 2000)) {
    const did = document.getElementById("did");
    if (!did || did.dataset.over === "yes") return;
    await wait(ms);
    try {
      const answer = await fetch(`/action/${did.dataset.job}?part=1`);
      if (!answer.ok) continue;
      const part = document.createElement("template");
      part.innerHTML = await answer.text();
      const fresh = part.content.getElementById("did");
      if (fresh && fresh.innerHTML !== did.innerHTML) did.replaceWith(fresh);
    } catch {
      // the server is away for a moment: asked again
    }
  }
}

follow();
