// A product page that follows the choice: price, stock, picture, and what cannot be had together.

const form = document.querySelector("form[data-variants]");
const data = form && JSON.parse(document.getElementById("variants").textContent);

if (data) {
  const groups = [...form.querySelectorAll("fieldset")];
  const now = document.querySelector("[data-now]");
  const before = document.querySelector("[data-before]");
  const save = document.querySelector("[data-save]");
  const stock = document.querySelector("[data-stock]");
  const button = form.querySelector("[type=submit]");
  const picked = () => groups.map((group) => group.querySelector("input:checked")?.value);
  const fits = (variant, choice, except) => choice.every((value, i) => i === except || variant.o[i] === value);

  const show = () => {
    const choice = picked();
    groups.forEach((group, i) => {
      for (const input of group.querySelectorAll("input")) {
        const alive = data.some((v) => v.a && v.o[i] === input.value && fits(v, choice, i));
        input.closest(".choice").classList.toggle("out", !alive);
      }
      const name = group.querySelector("legend span");
      if (name) name.textContent = choice[i] ?? "";
    });
    const variant = data.find((v) => fits(v, choice, -1));
    if (variant) {
      now.textContent = variant.p;
      now.classList.toggle("now-sale", Boolean(variant.c));
      before.textContent = variant.c ?? "";
      before.hidden = !variant.c;
      save.textContent = variant.s ?? "";
      save.hidden = !variant.s;
      document.querySelector("[data-from]")?.remove();
    }
    stock.textContent = variant ? variant.t : "Not made in this combination";
    stock.className = `stock ${variant ? variant.k : "none"}`;
    button.disabled = !variant?.a;
    button.textContent = variant?.a ? "Add to cart" : "Sold out";
    return variant;
  };

  form.addEventListener("change", (event) => {
    if (!event.target.closest("fieldset")) return;
    const variant = show();
    if (variant?.m == null) return;
    const frames = document.querySelector(".frames");
    frames?.scrollTo({ left: frames.clientWidth * variant.m });
  });
  show();
}

// Thumbnails move the strip of pictures without moving the page, and follow it.
const frames = document.querySelector(".frames");
const thumbs = [...document.querySelectorAll(".thumbs a")];
if (frames && thumbs.length) {
  thumbs.forEach((thumb, i) =>
    thumb.addEventListener("click", (event) => {
      event.preventDefault();
      frames.scrollTo({ left: frames.clientWidth * i });
    }),
  );
  frames.addEventListener(
    "scroll",
    () => {
      const at = Math.round(frames.scrollLeft / frames.clientWidth);
      thumbs.forEach((thumb, i) => (i === at ? thumb.setAttribute("aria-current", "true") : thumb.removeAttribute("aria-current")));
    },
    { passive: true },
  );
}
