// The checks, checked: a page made bad on purpose. A check that finds nothing here would find nothing anywhere.

import { CHECKS, Visitor } from "./visitor.mjs";

/** Spoils a good page in every way we look for. */
function spoil() {
  const add = (parent, html) => parent.insertAdjacentHTML("beforeend", html);
  const wide = document.createElement("div");
  wide.style.width = "5000px";
  wide.style.height = "1px";
  document.body.append(wide);
  const pale = document.createElement("p");
  pale.style.color = "#ddd";
  pale.style.backgroundColor = "#fff";
  pale.textContent = "Who can read this?";
  document.querySelector("main").append(pale);
  add(document.querySelector("main"), '<img src="/assets/nothing.png" width="10" height="10" alt="">');
  const script = document.createElement("script");
  script.textContent = "globalThis.inline = true";
  document.body.append(script);
  console.error("something broke");
  const push = document.createElement("div");
  push.style.height = "400px";
  document.querySelector("main").prepend(push);
}

/** What must be heard of it, each in a line of its own. */
const NOISE = [/console error: something broke/, /404 from .*nothing\.png/, /CSP: script-src-elem inline/];

export async function control(browser, origin, report, artifacts) {
  const screen = { name: "control", width: 1440, height: 900, touch: false, scripts: true };
  const visitor = await Visitor.enter(browser, origin, screen, report, artifacts);
  try {
    await visitor.open("/help");
    await visitor.settle();
    for (const [what, check] of Object.entries(CHECKS)) {
      report.check("control", `${what}: on a good page`, await check(visitor));
    }
    await visitor.page.evaluate(spoil);
    await visitor.settle();
    for (const [what, check] of Object.entries(CHECKS)) {
      const found = await check(visitor);
      report.check("control", `${what}: not on a bad one`, found ? "" : "nothing was found");
      if (check !== CHECKS["console, CSP and network are quiet"]) continue;
      for (const noise of NOISE) report.check("control", `${noise} is heard`, noise.test(found) ? "" : found);
    }
  } finally {
    await visitor.leave();
  }
}
