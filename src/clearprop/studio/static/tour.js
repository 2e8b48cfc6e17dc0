/* The tour's own: arrow keys turn its pages, what a page is about stands out in its picture, and an
   answer is there again when one comes back to its exercise. */
(() => {
  "use strict";
  const pane = () => document.getElementById("cp-pane-tour");
  const act = (...asked) => document.dispatchEvent(new CustomEvent("clearprop:do", { detail: asked }));
  let page = "", turned = false;

  document.addEventListener("clearprop:pane", ({ detail: { name, data } }) => {
    if (name !== "tour") return;
    const { id, about, given } = data.page, lit = new Set(about);
    pane().querySelectorAll(".beside [data-key]").forEach((one) =>
      one.toggleAttribute("data-about", lit.has(one.dataset.key)));
    if (page === String(id)) return;
    page = String(id);
    document.getElementById("cp-answer").value = given;
    if (pane().getBoundingClientRect().top < 0) pane().scrollIntoView();
    // whoever turns pages by keys goes on from the new page's title
    if (turned) pane().querySelector("h2").focus({ preventScroll: true });
    turned = false;
  });

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const by = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (!by || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!pane()?.contains(target) || target.matches("input, select, summary")) return;
    event.preventDefault();
    turned = true;
    act("tour.go_by", by);
  });
})();
