// Comfort for every page; all of it works without. No dependencies.

const root = document.documentElement;

/** Name and cart count: the one personal part of a page. Asked for only when a cookie says there is something to show. */
export async function refreshHeader() {
  if (!/(?:^|; )(?:__Host-)?souk_known=/.test(document.cookie)) return;
  const reply = await fetch("/fragments/header", { credentials: "same-origin", headers: { accept: "application/json" } });
  if (!reply.ok) return;
  const { name, units } = await reply.json();
  const account = document.querySelector("[data-account] .name");
  if (account && name) account.textContent = name.split(" ")[0];
  const count = document.querySelector("[data-cart] .count");
  if (count) {
    count.hidden = !units;
    count.textContent = units > 99 ? "99+" : String(units);
    count.nextElementSibling.textContent = units ? `, ${units} ${units === 1 ? "item" : "items"}` : "";
  }
}

/** One line at the bottom of the window, read out by screen readers. */
function toast(text, link) {
  document.querySelector(".toast")?.remove();
  const box = document.createElement("div");
  box.className = "toast";
  box.setAttribute("role", "status");
  box.append(text);
  if (link) {
    const a = document.createElement("a");
    a.href = link.href;
    a.textContent = link.text;
    box.append(a);
  }
  document.body.append(box);
  setTimeout(() => box.remove(), 6000);
}

/** Adds to the cart without leaving the page; anything unexpected falls back to the plain form. */
async function addToCart(form) {
  const button = form.querySelector("button[type=submit], button:not([type])");
  button.disabled = true;
  try {
    const reply = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { accept: "application/json" },
      credentials: "same-origin",
    });
    const body = await reply.json();
    if (reply.ok) toast("Added to your cart.", { href: "/cart", text: "View cart" });
    else toast(body.detail ?? "That did not work.");
    await refreshHeader();
  } catch {
    form.submit();
  } finally {
    button.disabled = false;
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-add]")) {
    event.preventDefault();
    addToCart(form);
  } else if (form.matches("[data-once]")) {
    // The idempotency key makes a second submit harmless; this only spares the wait.
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
    showBusy(form);
  }
});

/** Says that it works, while the bank takes its time. */
function showBusy(form) {
  const button = form.querySelector("button[data-busy]");
  const wait = form.querySelector("[data-wait]");
  if (!button || form.dataset.said) return;
  [form.dataset.said, form.dataset.asked] = [button.textContent, wait?.textContent ?? ""];
  button.textContent = button.dataset.busy;
  button.setAttribute("aria-disabled", "true");
  button.classList.add("busy");
  if (wait?.dataset.wait) wait.textContent = wait.dataset.wait;
}

// A page that the browser kept as it was left (Back) is ready to be used again.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-once][data-sent]")) {
    const button = form.querySelector("button[data-busy]");
    const wait = form.querySelector("[data-wait]");
    if (button && form.dataset.said) {
      button.textContent = form.dataset.said;
      button.removeAttribute("aria-disabled");
      button.classList.remove("busy");
    }
    if (wait && form.dataset.asked) wait.textContent = form.dataset.asked;
    delete form.dataset.sent;
    delete form.dataset.said;
    delete form.dataset.asked;
  }
});

// Choosing a country does what this button does.
for (const button of document.querySelectorAll("button[data-fields]")) button.hidden = true;

document.addEventListener("change", (event) => {
  // Addresses differ by country: what was typed goes along, and comes back in the fields that the chosen one has.
  if (event.target.matches("select[name=country]")) {
    const button = event.target.form?.querySelector("button[data-fields]");
    if (button) return event.target.form.requestSubmit(button);
  }
  const form = event.target.closest("form[data-auto]");
  // On a narrow screen filters fill the window: there one ticks several and then presses the button.
  if (form?.matches(".filters:target") && matchMedia("(max-width: 59.99rem)").matches) return;
  if (form && event.target.checkValidity?.() !== false) form.requestSubmit();
});

// Quantity steppers: the buttons wait hidden in the markup, in space that is already theirs.
for (const box of document.querySelectorAll(".qty")) {
  const input = box.querySelector("input");
  for (const button of box.querySelectorAll("button")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const before = input.value;
      button.dataset.step === "1" ? input.stepUp() : input.stepDown();
      if (input.value !== before) input.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }
}

// Menus close on Escape and on a click elsewhere.
const menus = () => document.querySelectorAll("details.menu[open], details.drop[open]");
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
});

// A miniature is of no use below the picture that has come, and would be seen through a transparent one.
const reveal = (picture) => picture.matches?.("picture > img") && picture.parentNode.parentNode.querySelector(":scope > .miniature")?.remove();
document.addEventListener("load", (event) => reveal(event.target), true);
for (const picture of document.querySelectorAll(".miniature + picture > img")) if (picture.complete && picture.naturalWidth) reveal(picture);

root.dataset.js = "1";
refreshHeader().catch(() => {});
