/* The microscope's own part: the timeline of a pass, keys, and what travels along the edges.

   It is told by "clearprop:pane" (detail: { name, data }) how many moments there are, which one is
   shown, and the ways on which something moved; it asks with "clearprop:do" (detail: [command, …]).
   A step back moves the same things along the same ways, the other way round. */

const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const TRAVEL = 220; // ms
const PAUSE = 1100; // ms between two moments where the pass is played
const PHASES = ["forward", "loss", "error", "backward", "update"];
const ask = (command, ...args) =>
  document.dispatchEvent(new CustomEvent("clearprop:do", { detail: [`microscope.${command}`, ...args] }));
const at = (id) => document.getElementById(id);
const open = () => at("cp-pane-microscope") && !at("cp-pane-microscope").hidden;
const typing = (one) => one.matches?.("input:not([type=range]), textarea, select");

export function install(signal) {
  const state = { at: 0, moments: 0, phases: {}, flown: null, timer: null };
  const listen = (target, name, act) => target.addEventListener(name, act, { signal });
  listen(document, "clearprop:pane", ({ detail }) => {
    if (detail.name === "microscope") show(state, detail.data);
  });
  listen(document, "click", ({ target }) => click(state, target));
  listen(document, "input", ({ target }) => {
    if (target.id === "cp-moment") go(state, Number(target.value));
  });
  listen(document, "keydown", (event) => press(state, event));
  signal.addEventListener("abort", () => clearInterval(state.timer));
}

function show(state, data) {
  Object.assign(state, data);
  const time = at("cp-moment");
  time.max = state.moments - 1;
  time.value = state.at;
  const button = document.querySelector(`[data-phase="${state.phase}"]`);
  time.setAttribute("aria-valuetext", `${state.at + 1} / ${state.moments}: ${button.textContent}`);
  for (const phase of PHASES) {
    const one = document.querySelector(`[data-phase="${phase}"]`), place = state.phases[phase];
    one.hidden = !place;
    if (place) one.style.flexGrow = Math.sqrt(place[1]);
    one.setAttribute("aria-pressed", state.reading === "moment" && phase === state.phase);
  }
  at("cp-pass-back").disabled = state.at === 0;
  at("cp-pass-on").disabled = state.at === state.moments - 1;
  at("cp-neuron").hidden = !state.neuron;
  at("cp-differing").hidden = state.reading !== "moment";
  for (const one of document.querySelectorAll(".slide .behind")) one.hidden = !state.behind;
  if (state.timer && (state.reading !== "moment" || state.at === state.moments - 1)) stop(state);
  if (state.flow && state.flow.count !== state.flown) {
    const first = state.flown === null;
    state.flown = state.flow.count;
    if (!first) travel(state.flow);
  }
}

// dots along the ways, for as long as the eye needs to follow
function travel({ ways, role, back }) {
  const svg = document.querySelector("#cp-pass svg");
  if (CALM.matches || !svg) return;
  for (const [x1, y1, x2, y2] of ways) {
    const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    dot.setAttribute("r", 6);
    dot.setAttribute("class", `f-${role} travels`);
    svg.append(dot);
    const places = [`translate(${x1}px, ${y1}px)`, `translate(${x2}px, ${y2}px)`];
    if (back) places.reverse();
    const moved = dot.animate({ transform: places }, { duration: TRAVEL, easing: "ease-in-out" });
    moved.onfinish = moved.oncancel = () => dot.remove();
  }
}

function go(state, moment) {
  stop(state);
  ask("go_to", moment);
}

function step(state, by) {
  stop(state);
  ask("step", by);
}

function play(state) {
  if (state.timer) {
    stop(state);
    return;
  }
  if (state.at >= state.moments - 1) ask("go_to", 0);
  else ask("step", 1);
  state.timer = setInterval(() => (open() ? ask("step", 1) : stop(state)), PAUSE);
  sign(true);
}

function stop(state) {
  clearInterval(state.timer);
  state.timer = null;
  sign(false);
}

function sign(playing) {
  const button = at("cp-pass-play");
  button.textContent = playing ? "❚❚" : "▶";
  button.setAttribute("aria-pressed", playing);
}

function click(state, target) {
  const button = target.closest?.("#cp-pane-microscope button");
  if (!button) return;
  if (button.id === "cp-pass-back") step(state, -1);
  if (button.id === "cp-pass-on") step(state, 1);
  if (button.id === "cp-pass-play") play(state);
  if (button.dataset.phase) go(state, state.phases[button.dataset.phase][0]);
}

function press(state, event) {
  if (!open() || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  const inside = event.target.closest?.("#cp-pane-microscope");
  const stage = event.target.closest?.("#cp-scope") && event.target.id !== "cp-moment";
  const act = {
    "[": () => ask("zoom_by", -1),
    "]": () => ask("zoom_by", 1),
    ArrowLeft: stage && (() => step(state, -1)),
    ArrowRight: stage && (() => step(state, 1)),
    "/": inside && (() => at("cp-scope-find").focus()),
  }[event.key];
  if (!act) return;
  act();
  event.preventDefault();
}
