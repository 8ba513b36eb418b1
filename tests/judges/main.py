"""A demo shop in a data directory of its own, and judges that look at it from outside.

Fails when a judge finds what is not listed with a reason, when a judge did nothing, and when the shop reported an error.
"""

import email
import email.policy
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
REPORTS = Path("artifacts/judges")
# A debug build on a busy machine makes its database and 1,600 products in this time.
OPEN_WITHIN_S = 180
CLOSED_WITHIN_S = 30
MAILED_WITHIN_S = 30
# A judge that takes longer does not belong in front of every change.
JUDGED_WITHIN_S = 170
# Fewer cases than this mean that the judge did not come far.
LEAST_CASES = 1000
LEAST_PAGES = 20
# Of schemathesis: the same cases in every run. One worker: parsers of Python 3.11 do not bear two threads.
SEED = "4"


class Shop:
    """Started, waited for, and always stopped again."""

    def __init__(self, binary):
        self.data = tempfile.mkdtemp(prefix="souk-judges-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            listen = "127.0.0.1:%d" % free.getsockname()[1]
        self.origin = "http://" + listen
        self.errors = []
        self.last = []
        self.open = threading.Event()
        # Judges come from one address and never pause: what throttles do to that is tested elsewhere.
        settings = Path(self.data, "souk.toml")
        settings.write_text((HERE / "shop.toml").read_text())
        # Nothing of the caller's configuration: it might name a database with somebody's orders in it.
        env = {name: value for name, value in os.environ.items() if not name.startswith("SOUK_")}
        words = [binary, "--config", str(settings), "up", "--data-dir", self.data + "/data", "--listen", listen]
        self.process = subprocess.Popen(words, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self.hear, daemon=True).start()
        until = time.monotonic() + OPEN_WITHIN_S
        while not self.open.wait(0.2) and self.process.poll() is None and time.monotonic() < until:
            pass
        if not self.open.is_set():
            self.close()
            sys.exit("the shop did not open; its last words:\n" + "".join(self.last))

    def hear(self):
        for line in self.process.stdout:
            self.last = self.last[-19:] + [line]
            if "the shop is open" in line:
                self.open.set()
            if " ERROR " in line or "panicked at" in line:
                self.errors.append(line.rstrip())

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.origin + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)

    def mailed_token(self):
        """From the link in the only mail that was sent so far."""
        until = time.monotonic() + MAILED_WITHIN_S
        while time.monotonic() < until:
            for mail in Path(self.data, "data", "mail").glob("*.eml"):
                parts = email.message_from_bytes(mail.read_bytes(), policy=email.policy.default).walk()
                texts = [part.get_content() for part in parts if part.get_content_type() == "text/plain"]
                found = re.search(r"token=([\w-]+)", "".join(texts))
                if found:
                    return found.group(1)
            time.sleep(0.1)
        sys.exit("no mail with a link came")

    def close(self):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(CLOSED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
        # A database may not run as root; it then lives outside, in a place that is written down here.
        elsewhere = Path(self.data, "data", "postgres.location")
        if elsewhere.exists():
            place = elsewhere.read_text().strip()
            if re.search(r"/souk-[\w-]+$", place):
                shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(self.data, ignore_errors=True)


def judged(name, words, **more):
    """Runs a judge; its output goes to a file. None when it took too long."""
    begun = time.monotonic()
    with open(REPORTS / (name + ".log"), "w") as log:
        try:
            done = subprocess.run(words, stdout=log, stderr=subprocess.STDOUT, timeout=JUDGED_WITHIN_S, **more)
        except subprocess.TimeoutExpired:
            return None
    print("%s: ended with %d after %.0f s" % (name, done.returncode, time.monotonic() - begun))
    return done.returncode


def buyer_token(shop):
    """Token of a new account. Made before anything else sends mails."""
    shop.call("POST", "/api/v1/auth/register", {"email": "judge@example.org", "name": "Judge"})
    password = {"token": shop.mailed_token(), "password": "a long password for a judge"}
    return shop.call("POST", "/api/v1/auth/confirm", password)["access_token"]


def schemathesis(shop, token):
    product = next(p for p in shop.call("GET", "/api/v1/products?limit=50")["items"] if p["available"])
    env = dict(os.environ, SHOP_TOKEN=token, SHOP_SKU=product["variants"][0]["sku"], SHOP_SLUG=product["slug"])
    words = [os.environ["SCHEMATHESIS_BIN"], "--config-file", str(HERE / "schemathesis.toml"), "run"]
    words += [shop.origin + "/api/v1/openapi.json", "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"]
    words += ["--workers", "1", "--seed", SEED, "--no-color", "--max-examples", "25"]
    code = judged("schemathesis", words, env=env)
    text = (REPORTS / "schemathesis.log").read_text()
    cases = sum(int(n) for n in re.findall(r"([\d]+) generated", text.replace(",", "")))
    print("schemathesis: %d cases" % cases)
    wrong = []
    if code != 0:
        wrong.append("schemathesis found something: see artifacts/judges/schemathesis.log")
    if cases < LEAST_CASES:
        wrong.append("schemathesis made %d cases, fewer than %d" % (cases, LEAST_CASES))
    return wrong


def wapiti(shop, _):
    report = REPORTS / "wapiti.json"
    report.unlink(missing_ok=True)
    words = [os.environ["WAPITI_BIN"], "--url", shop.origin + "/", "--scope", "folder", "--flush-session", "--no-bugreport"]
    words += ["--max-scan-time", "30", "--max-attack-time", "4", "--max-links-per-page", "30", "--max-files-per-dir", "10"]
    words += ["--depth", "3", "--format", "json", "--output", str(report), "--verbose", "1", "--store-session"]
    # Its own database gives up when a commit waits for the disk for more than five seconds.
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="wapiti-", dir=memory) as session:
        code = judged("wapiti", words + [session])
    if code != 0 or not report.exists():
        return ["wapiti did not come to its end: see artifacts/judges/wapiti.log"]
    told = json.loads(report.read_text())
    pages = told["infos"]["crawled_pages_nbr"]
    print("wapiti: %d pages" % pages)
    allowed = json.loads((HERE / "exceptions.json").read_text())["wapiti"]
    wrong = [] if pages >= LEAST_PAGES else ["wapiti saw %d pages, fewer than %d" % (pages, LEAST_PAGES)]
    for group in ("vulnerabilities", "anomalies"):
        for kind, found in told[group].items():
            for one in found:
                if not any(a["kind"] == kind and re.search(a["info"], one["info"]) for a in allowed):
                    wrong.append("wapiti: %s: %s %s: %s" % (kind, one["method"], one["path"], one["info"]))
    return wrong


def main():
    judges = {"schemathesis": schemathesis, "wapiti": wapiti}
    asked = sys.argv[1:] or list(judges)
    REPORTS.mkdir(parents=True, exist_ok=True)
    shop = Shop(os.environ["SHOP_BINARY"])
    try:
        token = buyer_token(shop)
        # Beside each other: either keeps one core busy.
        with ThreadPoolExecutor() as both:
            verdicts = [both.submit(judges[name], shop, token) for name in asked]
            wrong = [line for verdict in verdicts for line in verdict.result()]
    finally:
        shop.close()
    wrong += ["the shop reported: " + line for line in shop.errors]
    for line in wrong:
        print(line)
    sys.exit(1 if wrong else 0)


main()
