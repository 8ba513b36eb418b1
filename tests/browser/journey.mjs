// A buyer's way through the shop, told once for every screen. `v` is the visitor; steps that need scripts in one way and
// none in another say so with `v.screen.scripts`.

import assert from "node:assert/strict";

const ADDRESS = {
  "E-mail": "ana@example.com",
  Name: "Ana Example",
  "Street and number": "Marktplatz 1",
  "Postcode (PLZ)": "04109",
  Town: "Leipzig",
};
const PASSWORD = "a long walk to the market";

/** Everything, in the order a buyer would. */
export async function buy(v) {
  await browse(v);
  await choose(v);
  await fillCart(v);
  await checkOut(v);
  await search(v);
  await getLost(v);
  await beCustomer(v);
}

/** Home page, a category through the menu, a filter, an order. */
async function browse(v) {
  await v.step("the home page shows departments and products", async (page) => {
    await v.open("/");
    assert.match(await page.title(), /Souk/);
    assert.ok((await page.locator(".tile").count()) >= 8);
    assert.ok((await page.locator(".card").count()) >= 8);
  });
  await v.look("home");
  await v.step("the menu opens", async (page) => {
    await page.locator(".menu > summary").click();
    await page.getByRole("link", { name: "Sweaters", exact: true }).waitFor();
  });
  await v.look("menu", { whole: false });
  await v.step("it leads to a category", async (page) => {
    await v.go(() => page.getByRole("link", { name: "Sweaters", exact: true }).click());
    await heading(page, "Sweaters");
    assert.ok((await page.locator(".card").count()) > 10);
  });
  await v.look("category");
  await filterAndSort(v);
}

async function filterAndSort(v) {
  const total = async (page) => Number.parseInt(await page.locator(".list-head p").textContent(), 10);
  const narrow = v.screen.width < 960;
  let all;
  if (narrow) {
    await v.step("the filters open", async (page) => {
      await page.getByRole("link", { name: "Filters" }).click();
      await page.getByRole("heading", { name: "Filters" }).waitFor();
    });
    await v.look("filters", { whole: false });
  }
  await v.step("a filter leaves what fits it", async (page) => {
    all = await total(page);
    const price = page.locator(".filters .check", { has: page.locator('input[name="price"]') }).nth(2);
    const fitting = Number(await price.locator(".n").textContent());
    await applyFilter(v, page, price.locator("input"), narrow);
    await page.getByRole("list", { name: "Chosen filters" }).waitFor();
    assert.ok(fitting > 0 && fitting < all, `${fitting} of ${all}`);
    await page.getByRole("link", { name: /^Remove filter €\d+ to €\d+$/ }).waitFor();
    assert.equal(await total(page), fitting);
  });
  await v.step("sorting puts the cheapest first", async (page) => {
    await page.locator(".drop > summary").click();
    await v.go(() => page.getByRole("link", { name: "Price: low to high" }).click());
    const prices = (await page.locator(".card .price > span:not(.from):not(.vh)").allTextContents()).map(cents);
    assert.ok(prices.length > 5);
    assert.deepEqual(prices, [...prices].sort((a, b) => a - b));
    await page.getByRole("list", { name: "Chosen filters" }).waitFor();
  });
  await v.look("filtered");
}

/** On a wide screen with scripts a tick is enough; elsewhere there is a button. */
async function applyFilter(v, page, box, narrow) {
  if (v.screen.scripts && !narrow) {
    await v.go(() => box.check({ noWaitAfter: true }));
    return;
  }
  await box.check();
  await v.go(() => page.getByRole("button", { name: "Show results" }).click());
}

/** A product, and the variant one wants. */
async function choose(v) {
  let title;
  await v.step("a card leads to its product", async (page) => {
    const link = page.locator(".card:not(.gone-card) .name a").nth(1);
    title = await link.textContent();
    await v.go(() => link.click());
    await heading(page, title);
  });
  await v.look("product");
  await v.step("a variant is chosen", async (page) => {
    for (const group of await page.locator("fieldset.options").all()) {
      const choice = group.locator(".choice:not(.out)").last();
      await choice.click();
      assert.ok(await choice.locator("input").isChecked());
      const value = await choice.locator("input").getAttribute("value");
      if (v.screen.scripts) assert.equal(await group.locator("legend span").textContent(), value);
    }
    assert.ok((await page.locator("fieldset.options").count()) > 0, "this product has variants");
  });
  await v.step("it goes into the cart", async (page) => {
    const add = page.getByRole("button", { name: "Add to cart" });
    if (!v.screen.scripts) return v.go(() => add.click());
    await add.click();
    await page.getByText("Added to your cart.").waitFor();
    await page.locator("[data-cart] .count", { hasText: /^1$/ }).waitFor();
  });
  if (v.screen.scripts) {
    await v.look("added", { whole: false });
    await v.step("the message leads to the cart", async (page) => {
      // It stays for some seconds only; the link in the header stays.
      await v.go(() => page.locator("[data-cart]").click());
    });
  }
  await v.step("the cart has it", async (page) => {
    await heading(page, "Your cart");
    assert.equal(await page.locator(".lines .what > a").textContent(), title);
  });
}

async function fillCart(v) {
  await v.step("the quantity is changed", async (page) => {
    const unit = cents(await page.locator(".lines .what").getByText("each").textContent());
    if (v.screen.scripts) {
      await v.go(() => page.getByRole("button", { name: "One more" }).click());
    } else {
      await page.getByLabel(/^Quantity of/).fill("2");
      await v.go(() => page.getByRole("button", { name: "Update" }).click());
    }
    assert.equal(await page.getByLabel(/^Quantity of/).inputValue(), "2");
    assert.equal(cents(await page.locator(".lines .row .sum").textContent()), 2 * unit);
  });
  await v.look("cart");
  await v.step("a coupon that nobody knows is said so at its field, and not kept, however often", async (page) => {
    for (let tries = 0; tries < 6; tries += 1) {
      await page.getByLabel("Coupon", { exact: true }).fill("NOSUCHCODE");
      await v.go(() => page.getByRole("button", { name: "Apply" }).click());
      await page.locator(".coupon .err", { hasText: "We do not know this coupon." }).waitFor();
      assert.equal(await page.getByLabel("Coupon", { exact: true }).inputValue(), "NOSUCHCODE");
      assert.equal(await page.getByRole("button", { name: /^Remove coupon/ }).count(), 0);
    }
  });
  await v.look("cart-coupon");
  await v.step("it is said once", async (page) => {
    await v.open("/cart");
    assert.equal(await page.getByText("We do not know this coupon.").count(), 0);
    assert.equal(await page.getByLabel("Coupon", { exact: true }).inputValue(), "");
  });
  await v.step("the address of a form leads to its page", async (page) => {
    await v.open("/cart/coupons");
    await heading(page, "Your cart");
  });
}

/** Address, delivery, a card that is declined, and one that pays. */
async function checkOut(v) {
  let total;
  await v.step("the checkout starts with the address", async (page) => {
    await v.go(() => page.getByRole("link", { name: "To the checkout" }).click());
    await page.getByRole("heading", { name: "Where should it go?" }).waitFor();
  });
  await v.look("checkout-address");
  await v.step("an address is typed", async (page) => {
    await typeAddress(page);
    await page.getByLabel("E-mail", { exact: true }).fill("ana@nowhere");
    await v.go(() => page.getByRole("button", { name: "On to delivery" }).click());
    await page.locator(".field.bad .err").first().waitFor();
    assert.equal(await page.getByLabel("E-mail", { exact: true }).inputValue(), "ana@nowhere");
    assert.equal(await page.getByLabel("Town", { exact: true }).inputValue(), ADDRESS.Town);
  });
  await v.look("checkout-address-refused");
  await v.step("it is put right, and nothing else has to be typed again", async (page) => {
    await page.getByLabel("E-mail", { exact: true }).fill(ADDRESS["E-mail"]);
    await v.go(() => page.getByRole("button", { name: "On to delivery" }).click());
    await page.getByRole("heading", { name: "How should it travel?" }).waitFor();
  });
  await v.look("checkout-delivery");
  await v.step("a delivery is chosen", async (page) => {
    await page.getByRole("radio", { name: /Express/ }).check();
    await v.go(() => page.getByRole("button", { name: "On to payment" }).click());
    await page.getByRole("heading", { name: "How would you like to pay?" }).waitFor();
  });
  await v.look("checkout-payment");
  await v.step("a declined payment is said so, and nothing is lost", async (page) => {
    await page.getByRole("radio", { name: /declined/ }).check();
    await v.go(() => page.getByRole("button", { name: /^Pay/ }).click());
    await page.locator(".note.bad").getByText("declined").waitFor();
    total = cents(await page.getByRole("button", { name: /^Pay/ }).textContent());
    assert.ok(total > 0);
  });
  await v.look("declined");
  await v.step("back and forth asks nothing, and the refusal is gone", async (page) => {
    await v.open("/help");
    await v.go(() => page.goBack());
    await page.getByRole("heading", { name: "How would you like to pay?" }).waitFor();
    await v.go(() => page.reload());
    await page.getByRole("heading", { name: "How would you like to pay?" }).waitFor();
    assert.equal(await page.locator(".note.bad").count(), 0);
  });
  await notShownNotCharged(v);
  await leaveTheBank(v);
  let left, order;
  await v.step("the payment page is open in another tab, too", async () => {
    left = await v.tab("/checkout");
    await left.getByRole("heading", { name: "How would you like to pay?" }).waitFor();
  });
  await v.step("another card pays, and a bank that takes its time is waited for", async (page) => {
    total = cents(await page.getByRole("button", { name: /^Pay/ }).textContent());
    await page.getByText(/press once and wait/).waitFor();
    await page.getByRole("radio", { name: /Slow bank/ }).check();
    if (v.screen.scripts) await page.evaluate(watchButton);
    await v.go(() => page.getByRole("button", { name: /^Pay/ }).click());
    if (v.screen.scripts) {
      const said = await page.evaluate(() => sessionStorage.getItem("said while paying"));
      assert.match(said, /^Paying €[\d,.]+ …, disabled: Your bank is being asked\. Please stay on this page\.$/);
    }
    order = await page.getByRole("heading", { level: 1 }).textContent();
    assert.match(order, /^Order S-\d{7,}$/);
    await page.getByText("We have sent a confirmation to ana@example.com.").waitFor();
    assert.equal(cents(await page.locator(".totals .sum dd").textContent()), total);
  });
  await v.look("order");
  await paidAlready(v, left, order);
  await v.step("the cart is empty again", async (page) => {
    await v.open("/cart");
    await heading(page, "Your cart is empty");
  });
  await v.look("cart-empty");
}

/** A second tab changes the cart; Pay in the first must not charge what was never shown. */
async function notShownNotCharged(v) {
  let before;
  await v.step("a total that was never shown is not charged", async (page) => {
    before = cents(await page.getByRole("button", { name: /^Pay/ }).textContent());
    const tab = await v.tab("/c/kitchen/mugs-cups?available=1");
    await tab.locator(".card .add").first().click();
    if (v.screen.scripts) await tab.getByText("Added to your cart.").waitFor();
    else await heading(tab, "Your cart");
    await tab.close();
    await page.getByRole("radio", { name: /Card that pays/ }).check();
    await v.go(() => page.getByRole("button", { name: /^Pay/ }).click());
    const note = await page.locator(".note", { hasText: "Your cart has changed" }).textContent();
    const [was, is] = note.match(/€[\d,]+\.\d\d/g).map(cents);
    assert.equal(was, before);
    assert.ok(is > was, note);
    assert.match(note, /Nothing was charged/);
    assert.equal(cents(await page.getByRole("button", { name: /^Pay/ }).textContent()), is);
  });
  await v.look("cart-changed");
}

/** The bank wants to see the buyer, who would rather pay in another way. */
async function leaveTheBank(v) {
  await v.step("a bank that wants to see the buyer is linked to", async (page) => {
    await page.getByRole("radio", { name: /asks for confirmation/ }).check();
    await v.go(() => page.getByRole("button", { name: /^Pay/ }).click());
    await page.getByRole("link", { name: /Confirm at the bank/ }).waitFor();
  });
  await v.look("confirm");
  await v.step("another tab that pays the same cart comes to the same place", async () => {
    const tab = await v.tab("/checkout");
    await tab.getByRole("radio", { name: /Card that pays/ }).check();
    await tab.getByRole("button", { name: /^Pay/ }).click();
    await tab.getByRole("link", { name: /Confirm at the bank/ }).waitFor();
    await tab.close();
  });
  await v.step("the buyer pays in another way at once", async (page) => {
    await v.go(() => page.getByRole("button", { name: "Pay in another way" }).click());
    await page.getByText("nothing was charged").waitFor();
    await page.getByRole("heading", { name: "How would you like to pay?" }).waitFor();
  });
  await v.look("given-up");
}

/** Runs in the page: keeps what it says while its form is under way, for the page after it to be asked. */
function watchButton() {
  const button = document.querySelector("button[data-busy]");
  const keep = () => {
    const state = button.getAttribute("aria-disabled") === "true" ? "disabled" : "enabled";
    const wait = button.form.querySelector("[data-wait]").textContent;
    sessionStorage.setItem("said while paying", `${button.textContent}, ${state}: ${wait}`);
  };
  new MutationObserver(keep).observe(button.form, { attributes: true, childList: true, subtree: true });
}

/** A tab that was left at the payment page pays what has been paid. */
async function paidAlready(v, left, order) {
  await v.step("a tab that pays for a cart already paid is led to its order", async () => {
    await left.getByRole("button", { name: /^Pay/ }).click();
    await left.getByText("You have ordered this already").waitFor();
    await heading(left, order);
    await left.close();
  });
}

async function search(v) {
  await v.step("a search finds things", async (page) => {
    await page.getByLabel("Search the shop").fill("walnut");
    await v.go(() => page.getByRole("button", { name: "Search" }).click());
    assert.ok((await page.locator(".card").count()) > 3);
    assert.match(await page.locator(".card .name").first().textContent(), /walnut/i);
  });
  await v.look("search");
  await v.step("a search for nonsense says so", async (page) => {
    await page.getByLabel("Search the shop").fill("qzxwvu");
    await v.go(() => page.getByLabel("Search the shop").press("Enter"));
    await page.getByRole("heading", { name: "Nothing found" }).waitFor();
    assert.equal(await page.locator(".card").count(), 0);
  });
  await v.look("search-nothing");
}

async function getLost(v) {
  await v.step("a page that is not there", async (page) => {
    await v.open("/p/no-such-thing");
    await page.getByRole("link", { name: "To the home page" }).waitFor();
  });
  await v.look("not-found", { status: 404 });
  await v.step("the help page", async (page) => {
    await v.open("/help");
    await heading(page, "Help");
  });
  await v.look("help");
}

/** Makes an account, buys with it, leaves and comes back. */
async function beCustomer(v) {
  const email = `${v.screen.name}@example.com`;
  await v.step("the account asks who is there", async (page) => {
    await v.open("/");
    await v.go(() => page.locator("[data-account]").click());
    await heading(page, "Welcome");
  });
  await v.look("sign-in");
  await v.step("a wrong password is refused", async (page) => {
    await signIn(v, page, email, "not the password");
    await page.locator(".note.bad").waitFor();
  });
  await v.look("sign-in-refused");
  await v.step("an account is made", async (page) => {
    const form = page.locator("form", { has: page.getByRole("heading", { name: "New here?" }) });
    await form.getByLabel("Name").fill("Ana Example");
    await form.getByLabel("E-mail").fill(email);
    await v.go(() => form.getByRole("button", { name: "Make an account" }).click());
    await page.getByText("Please look into your mailbox").waitFor();
  });
  await v.look("account-asked-for");
  await v.step("and confirmed by the link in the mail", async (page) => {
    await v.open(await v.shop.mailedPath(email));
    await page.getByLabel("Password").fill(PASSWORD);
    await v.go(() => page.getByRole("button", { name: "Save and sign in" }).click());
    await page.getByText("Nothing yet.").waitFor();
  });
  await v.look("account-new");
  await v.step("the customer buys from a list", async (page) => {
    await v.open("/c/kitchen/mugs-cups?available=1");
    const add = page.locator(".card .add").first();
    if (v.screen.scripts) {
      await add.click();
      await page.getByText("Added to your cart.").waitFor();
    } else {
      await v.go(() => add.click());
    }
    await v.open("/checkout");
    await typeAddress(page);
    await v.go(() => page.getByRole("button", { name: "On to delivery" }).click());
    await v.go(() => page.getByRole("button", { name: "On to payment" }).click());
    await v.go(() => page.getByRole("button", { name: /^Pay/ }).click());
    await page.getByRole("link", { name: "Cancel this order" }).waitFor();
  });
  await v.step("cancelling asks first", async (page) => {
    await v.go(() => page.getByRole("link", { name: "Cancel this order" }).click());
    await page.getByRole("heading", { name: /^Cancel order S-\d+\?$/ }).waitFor();
    await page.getByRole("link", { name: "No, keep it" }).waitFor();
  });
  await v.look("cancel");
  await v.step("and the page says what becomes of the money", async (page) => {
    await v.go(() => page.getByRole("button", { name: "Yes, cancel this order" }).click());
    await page.locator(".tag", { hasText: "Cancelled" }).waitFor();
    await page.getByText(/being released|on their way back|were paid back|authorisation was given back/).waitFor();
    assert.equal(await page.getByText("Paid.", { exact: true }).count(), 0);
  });
  await v.look("cancelled");
  await v.step("an address is kept", async (page) => {
    await v.open("/account/addresses/new");
    await typeAddress(page);
    await v.go(() => page.locator("main form").getByRole("button", { name: "Save" }).click());
    await page.getByText("Marktplatz 1").first().waitFor();
  });
  await v.look("account");
  await v.step("the customer leaves and comes back", async (page) => {
    await v.go(() => page.getByRole("button", { name: "Sign out" }).click());
    await v.open("/account");
    await signIn(v, page, email, PASSWORD);
    assert.match(await page.locator(".orders a").first().textContent(), /^S-\d{7,}$/);
  });
}

async function signIn(v, page, email, password) {
  const form = page.locator("form", { has: page.getByRole("heading", { name: "Sign in" }) });
  await form.getByLabel("E-mail").fill(email);
  await form.getByLabel("Password").fill(password);
  await v.go(() => form.getByRole("button", { name: "Sign in" }).click());
}

/** Fills in an address; who is signed in is not asked for an e-mail address. */
async function typeAddress(page) {
  const form = page.locator("main form", { has: page.locator('[name="line1"]') });
  for (const [label, value] of Object.entries(ADDRESS)) {
    const field = form.getByLabel(label, { exact: true });
    if (label !== "E-mail" || (await field.count()) > 0) await field.fill(value);
  }
}

async function heading(page, text) {
  await page.getByRole("heading", { level: 1, name: text, exact: true }).waitFor();
}

/** `from €1,234.50` in cents. */
function cents(text) {
  const digits = /€([\d,]+)\.(\d\d)/.exec(text);
  assert.ok(digits, `no price in ${JSON.stringify(text)}`);
  return Number(digits[1].replaceAll(",", "")) * 100 + Number(digits[2]);
}
