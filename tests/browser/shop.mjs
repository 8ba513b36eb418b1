// A demo shop in a data directory of its own: started, waited for, and always stopped again.

import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A debug build on a busy machine makes its database and 1,600 products in this time. */
const OPEN_WITHIN_MS = 180_000;
/** Draining may wait for requests under way and for the database to stop. */
const CLOSED_WITHIN_MS = 30_000;
/** Until a mail is in its folder. */
const MAILED_WITHIN_MS = 30_000;

export class Shop {
  /** What it said that no shop should say while people only buy. */
  errors = [];
  #last = [];

  /** Starts one and returns when it is open. */
  static async open(binary) {
    const data = await mkdtemp(join(tmpdir(), "souk-browser-"));
    const shop = new Shop();
    shop.data = data;
    const listen = `127.0.0.1:${await freePort()}`;
    shop.origin = `http://${listen}`;
    // Nothing of the caller's configuration: it might name a database with somebody's orders in it.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("SOUK_")));
    const stdio = ["ignore", "pipe", "pipe"];
    shop.child = spawn(binary, ["up", "--data-dir", data, "--listen", listen], { env, stdio });
    shop.ended = new Promise((resolve) => {
      shop.child.once("exit", (code, signal) => resolve(signal ?? code));
      shop.child.once("error", (error) => resolve(error.message));
    });
    await shop.#opened();
    return shop;
  }

  async #opened() {
    let timer;
    const open = new Promise((resolve) => {
      const hear = (line) => {
        this.#last = [...this.#last.slice(-19), line];
        if (line.includes("the shop is open")) resolve("open");
        if (/ ERROR |panicked at/.test(line)) this.errors.push(line);
      };
      for (const stream of [this.child.stdout, this.child.stderr]) createInterface({ input: stream }).on("line", hear);
    });
    const late = new Promise((resolve) => (timer = setTimeout(resolve, OPEN_WITHIN_MS, "late")));
    const first = await Promise.race([open, late, this.ended.then((how) => `ended with ${how}`)]);
    clearTimeout(timer);
    if (first === "open") return;
    await this.close();
    throw new Error(`the shop did not open (${first}); its last words:\n${this.#last.join("\n")}`);
  }

  /** The path that the link in a mail to `email` leads to; waits for the mail. */
  async mailedPath(email) {
    for (const until = Date.now() + MAILED_WITHIN_MS; Date.now() < until; await new Promise((go) => setTimeout(go, 100))) {
      const names = await readdir(join(this.data, "mail")).catch(() => []);
      for (const name of names.filter((name) => name.endsWith(".eml"))) {
        const mail = await readFile(join(this.data, "mail", name), "utf8");
        if (!mail.includes(`To: ${email}\r\n`)) continue;
        // Long lines are folded, and the sign of equality is written as its code (quoted-printable).
        const text = mail.replaceAll("=\r\n", "").replaceAll("=3D", "=");
        const link = text.match(/\/account\/confirm\?token=[\w-]+/);
        if (link) return link[0];
      }
    }
    throw new Error(`no mail with a link came to ${email}`);
  }

  /** Stops it as Ctrl-C would, removes its data, and returns how it ended: 0 is what it should be. */
  async close() {
    this.child.kill("SIGINT");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), CLOSED_WITHIN_MS);
    const how = await this.ended;
    clearTimeout(timer);
    // A database may not run as root; it then lives outside, in a place that is written down here.
    const elsewhere = (await readFile(join(this.data, "postgres.location"), "utf8").catch(() => "")).trim();
    for (const place of [elsewhere, this.data]) {
      if (/\/souk-[\w-]+$/.test(place)) await rm(place, { recursive: true, force: true });
    }
    return how;
  }
}

/** A free port whose successor is free too: the shop's page for operators goes there. */
async function freePort() {
  for (;;) {
    const first = await listen(0);
    const { port } = first.address();
    const next = port < 65_535 && (await listen(port + 1).catch(() => null));
    await Promise.all([first, next].map((server) => server && new Promise((done) => server.close(done))));
    if (next) return port;
  }
}

function listen(port) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
