/* Paints scenes: pictures as data, with positions, marks, colours and texts already computed.

   const picture = new Picture(element, { ramp, onPick });
   picture.receive({ scene });                     // a whole scene, as Scene.to_document gives it
   picture.receive({ set, add, drop, title });     // what differs from the one before

   It computes no position and no number, and knows nothing of who sends the scenes. Colours are the
   classes s-, f- and t-ROLE (stroke, inside, text), which the page's style defines. Heat maps are
   painted on canvases: one byte a cell, looked up in `ramp`, 256 colours [red, green, blue].

   A mark with a key shows the same number as others with that key, here and elsewhere on the page:
   pointing at one lights all (the event "clearprop:light" on the document, detail: the key). Arrow
   keys go from mark to mark (up and down alone where `vertical`); Enter or a click picks one:
   onPick(key). Where there is `motion`, marks that come and go are eased in and out. */

const SVG = "http://www.w3.org/2000/svg";
const HEAD = 2.7; // how far an arrow's head is turned from its way, in radians
const REACH = 12; // how near a weight's edge one has to point, in pixels
const EASED = { duration: 200, easing: "ease-in-out" };
const CALM = matchMedia("(prefers-reduced-motion: reduce)");
let count = 0;

const create = (name) => document.createElementNS(SVG, name);

// what shows the same thing as a key, where nothing shows its own number: the weight of a gradient,
// and the gradient of a weight; z of a slope f'(z); δ of an error on its way to it
const KIN = [[/^g(\d+\.\d+\.\d+)$/, "w"], [/^g(\d+\.\d+)$/, "b"], [/^w(\d.*)$/, "g"], [/^b(\d.*)$/, "g"],
  [/^f(\d.*)$/, "z"], [/^c(\d.*)$/, "d"]];

export function kin(key) {
  const [pattern, letter] = KIN.find(([one]) => one.test(key)) || [];
  return pattern ? key.replace(pattern, `${letter}$1`) : null;
}

// an attribute is written where it differs from what was written last
function put(node, attributes) {
  const written = node.written || (node.written = {});
  for (const [name, value] of Object.entries(attributes)) {
    if (written[name] === value) continue;
    written[name] = value;
    if (value === null || value === undefined) node.removeAttribute(name);
    else node.setAttribute(name, value);
  }
}

function style(mark, bare) {
  return {
    class: [mark.role && `s-${mark.role}`, mark.fill ? `f-${mark.fill}` : "hollow"]
      .filter(Boolean).join(" "),
    "stroke-width": mark.width ?? 1,
    "stroke-dasharray": mark.dash ? mark.dash.join(" ") : null,
    "stroke-linecap": mark.dash ? null : "round",
    opacity: bare ? null : mark.opacity ?? null,
  };
}

const path = (commands) => commands.map(([name, ...numbers]) => name + numbers.join(" ")).join("");
const reach = (width) => 4.5 + 1.5 * width;

function head(x, y, angle, width) {
  const long = reach(width);
  const corner = (turn) => `${x + long * Math.cos(angle + turn)},${y + long * Math.sin(angle + turn)}`;
  return `${x},${y} ${corner(HEAD)} ${corner(-HEAD)}`;
}

function part(group, name, tag) {
  let node = group[name];
  if (!node) {
    node = group[name] = create(tag);
    group.append(node);
  }
  return node;
}

// every kind: which element it is, and how that is drawn
const KINDS = {
  line: {
    tag: "g",
    draw(group, mark, picture) {
      let { x1, y1, x2, y2 } = mark;
      const width = mark.width ?? 1, angle = Math.atan2(y2 - y1, x2 - x1);
      if (mark.arrow) {
        put(part(group, "point", "polygon"), {
          class: `f-${mark.role}`, points: head(x2, y2, angle, width),
        });
        x2 -= 0.7 * reach(width) * Math.cos(angle);
        y2 -= 0.7 * reach(width) * Math.sin(angle);
      } else if (group.point) {
        group.point.remove();
        delete group.point;
      }
      put(part(group, "stroke", "line"), { x1, y1, x2, y2, ...style(mark, true) });
      // a thin edge is easy to point at
      if (mark.key && picture.picks(mark.key)) {
        put(part(group, "near", "line"), {
          x1: mark.x1, y1: mark.y1, x2: mark.x2, y2: mark.y2, class: "near",
          "stroke-width": REACH,
        });
      }
      put(group, { opacity: mark.opacity ?? null });
    },
  },
  path: {
    tag: "path",
    draw: (node, mark) => put(node, {
      d: path(mark.commands), "stroke-linejoin": "round", ...style(mark),
    }),
  },
  circle: {
    tag: "circle",
    draw: (node, mark) => put(node, { cx: mark.x, cy: mark.y, r: mark.radius, ...style(mark) }),
  },
  rect: {
    tag: "rect",
    draw: (node, mark) => put(node, {
      x: mark.x, y: mark.y, width: mark.w, height: mark.h, rx: mark.radius ?? 0, ...style(mark),
    }),
  },
  words: {
    tag: "text",
    draw(node, mark) {
      const role = mark.role || "ink", on = role === "pen" ? "paper" : "ground";
      put(node, {
        x: mark.x, y: mark.y, class: `t-${role}${mark.plate ? ` plate-${on}` : ""}`,
        "font-size": mark.size ?? 13, "text-anchor": mark.anchor ?? "middle",
        "font-weight": mark.bold ? 600 : null, "font-style": mark.italic ? "italic" : null,
        opacity: mark.opacity ?? null,
        transform: mark.turn ? `rotate(${mark.turn} ${mark.x} ${mark.y})` : null,
      });
      if (node.said !== mark.text) node.textContent = node.said = mark.text;
    },
  },
  heat: {
    tag: "g",
    draw(group, mark, picture) {
      const frame = part(group, "frame", "foreignObject");
      put(frame, { x: mark.x, y: mark.y, width: mark.w, height: mark.h });
      if (mark.clip) {
        const cut = part(group, "cut", "clipPath");
        cut.id ||= `cp-cut-${count += 1}`;
        put(part(cut, "shape", "path"), { d: path(mark.clip) });
        put(group, { "clip-path": `url(#${cut.id})` });
      }
      picture.fill(frame, mark);
    },
  },
};

export class Picture {
  constructor(host, { ramp, onPick = () => {}, picks = () => false, motion, vertical } = {}) {
    this.host = host;
    this.ramp = ramp;
    this.onPick = onPick;
    this.picks = picks;
    this.motion = motion;
    this.vertical = vertical;
    this.marks = new Map();
    this.svg = create("svg");
    put(this.svg, { class: "scene", role: "group" });
    host.replaceChildren(this.svg);
    this.tip = document.createElement("div");
    this.tip.className = "tip";
    this.listen();
  }

  receive(message) {
    if (message.scene) this.paint(message.scene);
    for (const id of message.drop || []) this.drop(id);
    for (const [before, mark] of message.add || []) this.add(mark, before);
    for (const [id, fields] of message.set || []) this.change(id, fields);
    if (message.title !== undefined) this.name(message.title, message.description);
    if (this.shown) this.tell(this.shown);
  }

  paint(scene) {
    put(this.svg, { viewBox: `0 0 ${scene.width} ${scene.height}` });
    this.svg.style.setProperty("--natural", `${scene.width}px`);
    const held = this.svg.contains(document.activeElement) && document.activeElement.one;
    const back = held ? held.mark.key : null; // where the keyboard was
    this.hide();
    const before = this.marks, going = new Map(before);
    this.marks = new Map();
    scene.marks.forEach((mark, place) => {
      const id = mark.id ?? String(place), known = this.motion && before.get(id);
      going.delete(id);
      if (known) this.keep(known, mark);
      else this.add({ id, ...mark }, null);
    });
    if (this.motion) for (const { node } of going.values()) this.away(node);
    else this.svg.replaceChildren(...[...this.marks.values()].map(({ node }) => node));
    this.name(scene.title, scene.description);
    this.settle();
    const again = back && this.svg.querySelector(`[data-key="${CSS.escape(back)}"][tabindex]`);
    if (again) this.stop(again);
  }

  // the one mark that the tab key reaches
  stop(node) {
    for (const other of this.svg.querySelectorAll("[tabindex='0']")) put(other, { tabindex: "-1" });
    put(node, { tabindex: "0" });
    node.focus({ preventScroll: true });
  }

  name(title, description) {
    put(this.svg, { "aria-label": description ? `${title}. ${description}` : title });
  }

  add(mark, before) {
    const kind = KINDS[mark.kind], node = create(kind.tag), next = this.marks.get(before);
    const one = { mark, node };
    node.one = one;
    this.svg.insertBefore(node, next ? next.node : null);
    this.marks.set(mark.id, one);
    kind.draw(node, mark, this);
    this.tie(one);
    if (this.motion && !CALM.matches) node.animate({ opacity: [0, mark.opacity ?? 1] }, EASED);
  }

  // a mark of the scene before, at its place in this one
  keep(one, mark) {
    one.mark = mark;
    this.svg.append(one.node);
    this.marks.set(mark.id, one);
    KINDS[mark.kind].draw(one.node, mark, this);
    this.tie(one);
    for (const name of ["tabindex", "aria-label", "role"]) put(one.node, { [name]: null });
  }

  away(node) {
    node.removeAttribute("data-key");
    if (!this.motion || CALM.matches) {
      node.remove();
      return;
    }
    node.style.pointerEvents = "none";
    node.animate({ opacity: [node.getAttribute("opacity") ?? 1, 0] }, EASED).onfinish = () => node.remove();
  }

  change(id, fields) {
    const one = this.marks.get(id);
    if (!one) return;
    for (const [name, value] of Object.entries(fields)) {
      if (value === null) delete one.mark[name];
      else one.mark[name] = value;
    }
    KINDS[one.mark.kind].draw(one.node, one.mark, this);
    if ("key" in fields) this.tie(one);
    if ("title" in fields && one.node.hasAttribute("tabindex")) put(one.node, { "aria-label": one.mark.title });
  }

  drop(id) {
    const one = this.marks.get(id);
    if (one) this.away(one.node);
    this.marks.delete(id);
  }

  tie({ mark, node }) {
    put(node, { "data-key": mark.key ?? null });
  }

  // what can be reached by keys: of each key one mark, and one of all by the tab key
  settle() {
    const seen = new Set();
    for (const { mark, node } of this.marks.values()) {
      if (!mark.key || !mark.title || seen.has(mark.key)) continue;
      seen.add(mark.key);
      put(node, {
        tabindex: seen.size === 1 ? "0" : "-1", "aria-label": mark.title,
        role: this.picks(mark.key) ? "button" : "img",
      });
    }
  }

  fill(frame, mark) {
    const grid = mark.grid || this.bytes(mark);
    const [rows, columns, bits] = grid;
    let canvas = frame.canvas;
    if (!canvas) {
      canvas = frame.canvas = document.createElement("canvas");
      canvas.className = mark.crisp ? "heat crisp" : "heat";
      frame.append(canvas);
    }
    if (canvas.bits === bits) return;
    canvas.bits = bits;
    if (canvas.width !== columns || canvas.height !== rows) Object.assign(canvas, { width: columns, height: rows });
    const pen = canvas.getContext("2d"), image = pen.createImageData(columns, rows);
    const cells = atob(bits);
    for (let k = 0; k < cells.length; k += 1) {
      const [red, green, blue] = this.ramp[cells.charCodeAt(k)];
      image.data.set([red, green, blue, 255], 4 * k);
    }
    pen.putImageData(image, 0, 0);
  }

  // a scene that was not sent but stands in a page holds its numbers themselves
  bytes({ values, limit = 1, zero = 0 }) {
    const byte = (value) => Number.isNaN(value) || value === null ? 255 :
      Math.round(127 + 127 * Math.max(-1, Math.min(1, (value - zero) / limit)));
    const bits = btoa(values.flat().map((value) => String.fromCharCode(byte(value))).join(""));
    return [values.length, values[0].length, bits];
  }

  // pointing, keys

  listen() {
    const near = (event) => event.target.closest?.("[data-key]")?.one ?? null;
    this.svg.addEventListener("pointerover", (event) => {
      if (event.pointerType === "mouse") this.point(near(event));
    });
    this.svg.addEventListener("pointerleave", () => this.point(null));
    this.svg.addEventListener("focusin", (event) => this.point(near(event)));
    this.svg.addEventListener("focusout", () => this.point(null));
    this.svg.addEventListener("click", (event) => {
      const one = near(event);
      if (one) {
        this.point(one);
        this.onPick(one.mark.key);
      }
    });
    this.svg.addEventListener("keydown", (event) => this.press(event));
    this.lighting = ({ detail }) => this.light(detail);
    document.addEventListener("clearprop:light", this.lighting);
  }

  press(event) {
    const one = event.target.one;
    if (!one) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      event.stopPropagation();
      this.onPick(one.mark.key);
    }
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || (this.vertical && /Left|Right/.test(event.key))) return;
    event.preventDefault();
    event.stopPropagation();
    const stops = [...this.svg.querySelectorAll("[tabindex]")];
    const next = stops[stops.indexOf(one.node) + step];
    if (next) this.stop(next);
  }

  point(one) {
    const key = one?.mark.key ?? null;
    if (one !== this.shown) document.dispatchEvent(new CustomEvent("clearprop:light", { detail: key }));
    this.shown = one;
    if (one?.mark.title) this.tell(one);
    else this.hide();
  }

  light(key) {
    for (const node of this.svg.querySelectorAll("[data-lit]")) node.removeAttribute("data-lit");
    if (key === null) return;
    const all = (name) => [...this.svg.querySelectorAll(`[data-key="${CSS.escape(name)}"]`)];
    const own = all(key), other = own.length ? null : kin(key);
    for (const node of other ? all(other) : own) node.setAttribute("data-lit", "");
  }

  tell(one) {
    const { mark, node } = one;
    if (!node.isConnected || !mark.title) {
      this.hide();
      return;
    }
    if (node === document.activeElement) put(node, { "aria-label": mark.title });
    if (this.tip.textContent !== mark.title) this.tip.textContent = mark.title;
    if (!this.tip.isConnected) this.host.append(this.tip);
    const at = node.getBoundingClientRect(), size = this.tip.getBoundingClientRect();
    const middle = Math.min(at.left + at.width / 2, innerWidth - size.width - 4);
    const above = at.top + Math.min(at.height / 2, 20) - size.height - 8;
    this.tip.style.left = `${Math.max(4, middle)}px`;
    this.tip.style.top = `${above < 4 ? at.top + 24 : above}px`;
  }

  hide() {
    this.shown = null;
    this.tip.remove();
  }

  leave() {
    document.removeEventListener("clearprop:light", this.lighting);
    this.host.replaceChildren();
  }
}
