// Opens a shop and a browser, sends a visitor through on each screen, and closes both whatever happens.

import { rm } from "node:fs/promises";
import { chromium } from "playwright-core";
import { control } from "./control.mjs";
import { buy } from "./journey.mjs";
import { Report } from "./report.mjs";
import { Shop } from "./shop.mjs";
import { Stuck, Visitor } from "./visitor.mjs";

/** Two at a time; the one that takes longest comes first. */
const SCREENS = [
  { name: "desk", width: 1440, height: 900, touch: false, scripts: true, dark: true },
  { name: "phone", width: 360, height: 740, touch: true, scripts: true },
  { name: "tablet", width: 768, height: 1024, touch: true, scripts: true },
  { name: "plain", width: 1440, height: 900, touch: false, scripts: false },
];
const ARTIFACTS = "artifacts/browser";
/** Nothing but the shop's own pages is visited, so the browser's own errands and its sandbox (root has none) are off. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

async function journey(browser, shop, screen, report) {
  const started = Date.now();
  const visitor = await Visitor.enter(browser, shop.origin, screen, report, ARTIFACTS);
  visitor.shop = shop;
  try {
    await buy(visitor);
  } catch (error) {
    if (!(error instanceof Stuck)) report.check(screen.name, "the journey", error.stack);
  } finally {
    await visitor.leave();
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`${screen.name} (${screen.width} x ${screen.height}) took ${seconds} s`);
}

async function main(names) {
  const screens = names.length ? SCREENS.filter((screen) => names.includes(screen.name)) : SCREENS;
  if (screens.length < (names.length || 1)) throw new Error(`screens are ${SCREENS.map((s) => s.name).join(", ")}`);
  const report = new Report();
  await rm(ARTIFACTS, { recursive: true, force: true });
  const shop = await Shop.open(process.env.SHOP_BINARY);
  let browser;
  const leave = async () => {
    await browser?.close();
    return shop.close();
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => leave().finally(() => process.exit(130)));
  try {
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM,
      args: FLAGS,
      handleSIGINT: false,
      handleSIGTERM: false,
    });
    await control(browser, shop.origin, report, ARTIFACTS);
    const waiting = [...screens];
    const lane = async () => {
      for (let screen; (screen = waiting.shift()); ) await journey(browser, shop, screen, report);
    };
    await Promise.all([lane(), lane()]);
  } finally {
    const how = await leave();
    report.check("shop", "closes when asked", how === 0 ? "" : `ended with ${how}`);
    report.check("shop", "logged no error", shop.errors.join("\n"));
  }
  return report.close();
}

process.exitCode = await main(process.argv.slice(2));
