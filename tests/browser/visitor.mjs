// Somebody at a screen: walks through the shop, and at each page looks whether it is as a page should be.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import axe from "axe-core";

/** Sum of all layout shifts a page may have; search engines call 0.1 good. */
const MAX_SHIFT = 0.05;
/** WCAG 2.0 to 2.2, levels A and AA. */
const AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** How long one thing a buyer does may take here: a debug build on a machine that is busy with other tests. */
const PATIENCE_MS = 20_000;
const POLL_MS = 20;

/** What is asked of every page, by name; each answer is a fault or nothing. */
export const CHECKS = {
  "no horizontal scroll": (visitor) => visitor.overflow(),
  "every picture is there": (visitor) => visitor.brokenPictures(),
  "layout shift below 0.05": (visitor) => visitor.shift(),
  "axe-core finds nothing": (visitor) => visitor.inaccessible(),
  "console, CSP and network are quiet": (visitor) => visitor.noise(),
};

export class Visitor {
  /** Faults of console, CSP and network since the last page was looked at. */
  #noise = [];
  #refused = [];
  #flying = new Set();
  /** Pictures that came to sight and were none. */
  #broken = new Set();
  #shots = 0;

  /** A new visitor with `screen`: {name, width, height, touch, scripts, dark}. */
  static async enter(browser, origin, screen, report, artifacts) {
    const context = await browser.newContext({
      baseURL: origin,
      viewport: { width: screen.width, height: screen.height },
      isMobile: screen.touch,
      hasTouch: screen.touch,
      javaScriptEnabled: screen.scripts,
      colorScheme: "light",
      locale: "en-GB",
    });
    context.setDefaultTimeout(PATIENCE_MS);
    await context.addInitScript(watchPage);
    const visitor = new Visitor();
    Object.assign(visitor, { context, screen, report, artifacts, page: await context.newPage() });
    visitor.#listen();
    await mkdir(artifacts, { recursive: true });
    return visitor;
  }

  async leave() {
    await this.context.close();
  }

  #listen() {
    const { page } = this;
    page.on("console", (message) => {
      const kind = message.type();
      if (kind !== "error" && kind !== "warning") return;
      // The browser repeats a refusal here that is judged by its status below.
      if (message.text().startsWith("Failed to load resource: the server responded")) return;
      this.#noise.push(`console ${kind}: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.#noise.push(`script error: ${error}`));
    page.on("request", (request) => this.#flying.add(request));
    page.on("requestfinished", (request) => this.#flying.delete(request));
    page.on("requestfailed", (request) => {
      this.#flying.delete(request);
      const why = request.failure()?.errorText;
      // Broken off by the browser itself, as an icon is when one leaves; what a shop does wrong has other names.
      if (why !== "net::ERR_ABORTED") this.#noise.push(`request failed: ${request.url()} ${why}`);
    });
    page.on("response", (response) => {
      if (response.status() >= 400) this.#refused.push({ status: response.status(), url: response.url() });
    });
  }

  /** One thing a buyer does. A journey that cannot go on ends here. */
  async step(what, doing) {
    let fault;
    try {
      await doing(this.page);
    } catch (error) {
      fault = error;
    }
    this.report.check(this.screen.name, what, fault);
    if (!fault) return;
    await this.#shoot(`${this.screen.name}-failed`, true);
    throw new Stuck(`${this.screen.name}: ${what}`);
  }

  /** Goes to a page by its address. */
  async open(path) {
    await this.#quiet();
    await this.page.goto(path);
  }

  /** Another tab of the same browser; closed by who asked for it. */
  async tab(path) {
    const tab = await this.context.newPage();
    await tab.goto(path);
    return tab;
  }

  /** Does what leads to another page, and waits for that. */
  async go(doing) {
    await this.#quiet();
    let done = false;
    const does = async () => {
      await doing();
      done = true;
    };
    try {
      await Promise.all([this.page.waitForNavigation({ waitUntil: "load" }), does()]);
    } catch (error) {
      const requests = [...this.#flying].map((request) => request.url());
      const how = done ? "it was done, and no page came" : "it could not be done";
      throw new Error(`${how}; under way: ${requests.join(", ") || "nothing"}; ${error.message}`, { cause: error });
    }
  }

  /**
   * Looks at the page one is at: every check, and a screenshot for people. `status` is what it should have come with;
   * `whole` is false for what lies over the page and looks wrong on more than one window's height of it.
   */
  async look(name, { status = 200, whole = true } = {}) {
    await this.settle();
    this.expect(status);
    const place = `${this.screen.name} ${name}`;
    for (const [what, check] of Object.entries(CHECKS)) {
      this.report.check(place, what, await check(this));
    }
    const shot = `${this.screen.name}-${String((this.#shots += 1)).padStart(2, "0")}-${name}`;
    await this.#shoot(shot, whole);
    if (!this.screen.dark) return;
    await this.page.emulateMedia({ colorScheme: "dark" });
    this.report.check(`${place} (dark)`, "axe-core finds nothing", await this.inaccessible());
    await this.#shoot(`${shot}-dark`, whole);
    await this.page.emulateMedia({ colorScheme: "light" });
  }

  async #shoot(name, whole) {
    const { width, height } = this.screen;
    // A window as high as the page: what is called a full-page screenshot makes Chromium forget that there is touch.
    const all = whole ? await this.page.evaluate(() => document.scrollingElement.scrollHeight) : height;
    await this.page.setViewportSize({ width, height: Math.max(all, height) });
    await this.page.screenshot({ path: join(this.artifacts, `${name}.png`) });
    await this.page.setViewportSize({ width, height });
  }

  /** A refusal that belongs to what is tested is no fault; that it did not come is one. */
  expect(status) {
    if (status < 400) return;
    const at = this.#refused.findIndex((refused) => refused.status === status);
    if (at < 0) this.#noise.push(`expected an answer with status ${status}`);
    else this.#refused.splice(at, 1);
  }

  /** Waits until nothing is under way, with every lazy picture called for. */
  async settle() {
    await this.page.waitForLoadState("load");
    const height = await this.page.evaluate(() => document.scrollingElement.scrollHeight);
    for (let y = 0; y < height; y += this.screen.height) {
      await this.#scroll(y);
      await this.#until("the pictures here have come", () => this.page.evaluate(picturesInSight).then(noneWaits));
      for (const picture of await this.page.evaluate(picturesInSight)) if (picture.broken) this.#broken.add(picture.src);
    }
    await this.#scroll(0);
    await this.#quiet();
    await this.#still();
  }

  /**
   * What is under way when one leaves a page is broken off, and that would look like a failure. A phone's browser scrolls to a
   * field that is filled, and what is pressed meanwhile is somewhere else when it is let go.
   */
  async #quiet() {
    let before = "";
    await this.#until("nothing is under way, and the page stands", async () => {
      const [last, now] = [before, await this.page.evaluate(whereItStands)];
      before = now;
      return now === last;
    });
  }

  async #scroll(y) {
    await this.page.evaluate((top) => scrollTo({ top, behavior: "instant" }), y);
  }

  /** Waits until colours and positions have stopped moving. */
  async #still() {
    const moving = () => document.getAnimations().some((one) => one.playState === "running");
    await this.#until("nothing moves", async () => !(await this.page.evaluate(moving)));
  }

  /** Asks the page from outside: in a page without scripts no timer runs that could ask from within. */
  async #until(what, holds) {
    const late = Date.now() + PATIENCE_MS;
    while (this.#flying.size > 0 || !(await holds())) {
      if (Date.now() > late) {
        const flying = [...this.#flying].map((request) => `, ${request.url()} is under way`);
        throw new Error(`waited in vain until ${what}${flying.join("")}`);
      }
      await this.page.waitForTimeout(POLL_MS);
    }
  }

  async overflow() {
    // The width the screen has: a phone's browser would zoom out and call the wider page its window.
    return this.page.evaluate((width) => {
      const wide = document.scrollingElement.scrollWidth;
      if (wide <= width) return null;
      const outside = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > width);
      const names = outside.slice(0, 5).map((e) => `<${e.localName} class="${e.className}">`);
      return `${wide} px wide on ${width}: ${names.join(" ")}`;
    }, this.screen.width);
  }

  async brokenPictures() {
    const broken = [...this.#broken];
    this.#broken.clear();
    return broken.join(" ");
  }

  async shift() {
    // Nothing can watch a page without scripts; the same pages are measured with them.
    if (!this.screen.scripts) return null;
    const shifts = await this.page.evaluate(() => globalThis.watched.shifts);
    const sum = shifts.reduce((all, shift) => all + shift.value, 0);
    if (sum < MAX_SHIFT) return null;
    return `${sum.toFixed(3)}: ${shifts.map((shift) => `${shift.value.toFixed(3)} ${shift.what}`).join("; ")}`;
  }

  /** axe-core is evaluated through the debugging protocol, which no Content-Security-Policy concerns. */
  async inaccessible() {
    await this.#still();
    if (this.screen.scripts) return audit(this.page);
    // axe-core needs timers, which a page without scripts has not: the same markup in a page that has.
    const [url, body] = [this.page.url(), await this.page.content()];
    const reader = await this.context.browser().newPage({ viewport: this.page.viewportSize() });
    try {
      await reader.route("**/*.mjs", (route) => route.abort());
      await reader.route(url, (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body }));
      await reader.goto(url);
      return await audit(reader);
    } finally {
      await reader.close();
    }
  }

  async noise() {
    const csp = this.screen.scripts ? await this.page.evaluate(() => globalThis.watched.violations.splice(0)) : [];
    const refused = this.#refused.splice(0).map(({ status, url }) => `${status} from ${url}`);
    return [...this.#noise.splice(0), ...refused, ...csp].join("\n");
  }
}

/** What axe-core has against a page. */
async function audit(page) {
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async (tags) => {
    const result = await globalThis.axe.run(document, {
      runOnly: { type: "tag", values: tags },
      resultTypes: ["violations"],
    });
    return result.violations.map(({ id, help, nodes }) => ({
      id,
      help,
      nodes: nodes.map((node) => `${node.target.join(" ")}: ${node.failureSummary}`),
    }));
  }, AXE_TAGS);
  return violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.slice(0, 4).join("\n")}`).join("\n");
}

/** A journey that could not go on; its reason is in the report. */
export class Stuck extends Error {}

/** Runs in the page: which part of it is in the window. */
function whereItStands() {
  const { pageLeft, pageTop, width, height, scale } = visualViewport;
  return [pageLeft, pageTop, width, height, scale].join(" ");
}

const noneWaits = (pictures) => pictures.every((picture) => picture.complete);

/** Runs in the page: the pictures of which something is to be seen now, not cut off by a box they scroll in. */
function picturesInSight() {
  const inSight = (image) => {
    let { left, top, right, bottom } = image.getBoundingClientRect();
    const cut = (box) => {
      [left, top] = [Math.max(left, box.left), Math.max(top, box.top)];
      [right, bottom] = [Math.min(right, box.right), Math.min(bottom, box.bottom)];
    };
    cut({ left: 0, top: 0, right: innerWidth, bottom: innerHeight });
    for (let box = image.parentElement; box; box = box.parentElement) {
      if (getComputedStyle(box).overflowX !== "visible") cut(box.getBoundingClientRect());
    }
    return right - left >= 1 && bottom - top >= 1 && image.checkVisibility();
  };
  const state = ({ src, complete, naturalWidth }) => ({ src, complete, broken: complete && naturalWidth === 0 });
  return [...document.images].filter(inSight).map(state);
}

/** Runs in the page before its own scripts. */
function watchPage() {
  const watched = (globalThis.watched = { shifts: [], violations: [] });
  const name = (node) => (node ? `<${node.localName ?? node.nodeName} class="${node.className ?? ""}">` : "(gone)");
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue;
      watched.shifts.push({ value: entry.value, what: entry.sources.map((source) => name(source.node)).join(" ") });
    }
  }).observe({ type: "layout-shift", buffered: true });
  document.addEventListener("securitypolicyviolation", (event) => {
    watched.violations.push(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
  });
}
