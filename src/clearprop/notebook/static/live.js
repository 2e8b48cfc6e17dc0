
/* The widget: paints each frame of a run. It follows the painter, with which it makes one module. */
function paint(model, root, pictures) {
  const frame = model.get("frame");
  root.lang = frame.lang ?? "";
  for (const name of ["network", "curves"]) {
    const host = root.querySelector(`.${name}`);
    host.hidden = !frame[name];
    if (!frame[name]) continue;
    pictures[name] ??= new Picture(host, { ramp: model.get("ramp") });
    pictures[name].receive(frame[name]);
  }
  for (const name of ["line", "caption"]) root.querySelector(`.${name}`).textContent = frame[name] ?? "";
}

export default {
  render({ model, el }) {
    const root = document.createElement("div"), pictures = {};
    root.className = "clearprop-live";
    root.innerHTML = '<p class="line" role="status"></p><div class="both"><div class="network"></div>'
      + '<div class="curves"></div></div><p class="caption"></p>';
    el.append(root);
    const painting = () => paint(model, root, pictures);
    model.on("change:frame", painting);
    painting();
    return () => {
      model.off("change:frame", painting);
      Object.values(pictures).forEach((picture) => picture.leave());
    };
  },
};
