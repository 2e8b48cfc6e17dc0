(() => {
  "use strict";
  if (window.clearprop) return; // several outputs of one notebook share one script
  window.clearprop = true;
  const marked = "[data-key], [data-full]";
  const blocks = "svg, figcaption, .math, .table, p, li, summary, .note, h1, h2";
  const paper = 640; // how wide a sheet of A4 is inside its margins, in pixels
  const tip = document.createElement("div");
  tip.className = "tip";
  const apart = "[data-apart]"; // a root about another network than the document's pictures
  let held = null; // what a tap or a click keeps alight
  let own = null; // what is alight because of something in these blocks, and not in a picture beside

  const near = (target) => target instanceof Element && target.closest(".cp") ?
    target.closest(marked) : null;
  const all = (root, selector) => [...root.querySelectorAll(selector)];

  function dark() {
    all(document, ".cp .lit").forEach((one) => one.classList.remove("lit"));
    tip.remove();
  }

  // what is elsewhere on the page puts out what was lit here, and nothing else
  function follow(element) {
    if (element || own) light(element);
  }

  // pictures beside the blocks light with them, and they with those
  let telling = false;
  function tellAll(key) {
    telling = true;
    document.dispatchEvent(new CustomEvent("clearprop:light", { detail: key || null }));
    telling = false;
  }

  function told({ detail }) {
    if (telling) return;
    dark();
    own = null;
    if (!detail) return;
    const named = (key) => all(document, `.cp:not(${apart}) [data-key="${CSS.escape(key)}"]`);
    const exact = named(detail), gradient = detail.replace(/^[wb](?=\d)/, "g");
    (exact.length ? exact : named(gradient)).forEach((one) => one.classList.add("lit"));
  }

  function light(element) {
    dark();
    own = element;
    tellAll(element && !element.closest(apart) && element.dataset.key);
    if (!element) return;
    const root = element.closest(".cp"), key = element.dataset.key;
    const same = key ? all(root, `[data-key="${CSS.escape(key)}"]`) : [element];
    same.forEach((one) => one.classList.add("lit"));
    // a chip's upper half tells what its lower half holds
    const block = element.closest(blocks);
    const full = [element, ...same.filter((one) => one.closest(blocks) === block)]
      .map((one) => one.closest("[data-full]") || one.querySelector("[data-full]")).find(Boolean);
    if (full) tell(root, element, full.dataset.full);
  }

  function tell(root, element, text) {
    tip.textContent = text;
    root.append(tip);
    const at = element.getBoundingClientRect(), size = tip.getBoundingClientRect();
    const above = at.top - size.height - 6;
    const left = Math.min(Math.max(4, at.left), document.documentElement.clientWidth - size.width - 4);
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${above < 4 ? at.bottom + 6 : above}px`;
  }

  // one stop of the tab key a block, arrows within it
  function stops(block) {
    const seen = new Set();
    return all(block, marked).filter((one) => {
      const name = one.dataset.key || one;
      const first = !seen.has(name) && one.closest(blocks) === block &&
        !one.parentElement.closest("[data-full]:not([data-key])");
      if (first) seen.add(name);
      return first;
    });
  }

  function prepare(root) {
    all(root, "[title]").forEach((one) => {
      one.dataset.full = one.title || one.getAttribute("title");
      one.removeAttribute("title");
    });
    all(root, "svg [data-key] > title").forEach((one) => {
      one.parentElement.dataset.full = one.textContent;
      one.parentElement.setAttribute("aria-label", one.textContent);
      one.remove();
    });
    all(root, blocks).forEach((block) => stops(block).forEach((one, at) =>
      one.setAttribute("tabindex", at ? "-1" : "0")));
  }

  function move(event) {
    const here = near(event.target), block = here && here.closest(blocks);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!block || !step) return;
    const list = stops(block), next = list[list.indexOf(here) + step];
    if (!next) return;
    event.preventDefault();
    here.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  }

  // what is copied has all digits
  function copy(event) {
    const selection = getSelection();
    if (!selection.rangeCount || selection.isCollapsed) return;
    const range = selection.getRangeAt(0), around = range.commonAncestorContainer;
    const element = around instanceof Element ? around : around.parentElement;
    if (!element || !element.closest(".cp")) return;
    const number = element.closest("[data-full]"), box = document.createElement("div");
    box.append(range.cloneContents());
    if (!number && !box.querySelector("[data-full]")) return;
    all(box, "[data-full]").forEach((one) => { one.textContent = one.dataset.full; });
    all(box, "td, th, mtd").forEach((one) => one.append("\t"));
    all(box, "tr, mtr, p, li, h1, h2, h3, figcaption, .math").forEach((one) => one.append("\n"));
    const text = number && !number.closest("svg") ? number.dataset.full : box.textContent;
    event.clipboardData.setData("text/plain", text.replace(/\t+\n/g, "\n").trim());
    event.preventDefault();
  }

  // the network stays in view, small, beside what is read
  function dock() {
    const rail = document.querySelector(".cp .rail"), main = document.querySelector(".cp .main-picture");
    if (!rail || !main || !window.IntersectionObserver) return;
    const small = document.createElement("div");
    small.className = "dock";
    small.setAttribute("aria-hidden", "true");
    small.append(main.querySelector("svg").cloneNode(true));
    all(small, "[tabindex]").forEach((one) => one.removeAttribute("tabindex"));
    all(small, "[id]").forEach((one) => one.removeAttribute("id"));
    rail.append(small);
    new IntersectionObserver(([seen]) => small.classList.toggle("away", !seen.isIntersecting))
      .observe(main);
  }

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "mouse" && !held) follow(near(event.target));
  });
  document.addEventListener("clearprop:light", told);
  document.addEventListener("focusin", (event) => { held = null; follow(near(event.target)); });
  document.addEventListener("focusout", () => { if (!held) follow(null); });
  document.addEventListener("click", (event) => {
    const here = near(event.target);
    held = here && here !== held ? here : null;
    follow(held);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { held = null; dark(); } else move(event);
  });
  document.addEventListener("scroll", () => tip.remove(), { passive: true, capture: true });
  document.addEventListener("copy", copy);
  window.addEventListener("beforeprint", () => {
    all(document, ".cp details:not([open])").forEach((one) => {
      one.open = true;
      one.dataset.shut = "";
    });
    all(document, ".cp .math > math, .cp .table table").forEach((one) => {
      const share = paper / one.getBoundingClientRect().width;
      one.parentElement.style.setProperty("--fit", Math.min(1, Math.max(0.5, share)).toFixed(3));
    });
  });
  window.addEventListener("afterprint", () =>
    all(document, ".cp [data-shut]").forEach((one) => {
      one.open = false;
      delete one.dataset.shut;
    }));

  all(document, ".cp").forEach(prepare);
  // what comes later: whole roots, or other blocks within one
  new MutationObserver((changes) => {
    const roots = new Set();
    changes.forEach((change) => change.addedNodes.forEach((node) => {
      if (!(node instanceof Element) || node === tip) return;
      all(node, ".cp").forEach((root) => roots.add(root));
      if (node.closest(".cp")) roots.add(node.closest(".cp"));
    }));
    roots.forEach(prepare);
  }).observe(document.documentElement, { childList: true, subtree: true });
  dock();
  const contents = document.querySelector(".cp .contents");
  if (contents && matchMedia("(max-width: 67.99rem)").matches) contents.open = false;
})();
