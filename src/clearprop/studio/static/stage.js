/* The page's own part: paints frames into their places and tells the session what a person does.
   A frame is asked for when the last one is on the screen, so a hidden page asks for none. */
import { install as installMicroscope } from "clearprop-microscope";
import { Picture } from "clearprop-picture";
import { begin, copy, linked, news, problem, send, take } from "clearprop-sharing";

const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const NARROW = matchMedia("(max-width: 44rem)");
const SLOW = 500; // ms between frames for those who want little motion
const SCHEMES = ["auto", "light", "dark"];
const typing = (element) => element.matches?.("input:not([type=range]), textarea, select");
const isWeight = (key) => /^[wb]\d/.test(key);
// a pane that opens low on the page comes up; on a phone it has a tab of its own
const show = (pane) => {
  if (!pane.matches(".pane") || pane.hidden || NARROW.matches) return;
  const drawer = document.getElementById("cp-drawer");
  if (drawer.getBoundingClientRect().top < innerHeight / 2) return;
  drawer.scrollIntoView({ behavior: CALM.matches ? "auto" : "smooth" });
};

export default {
  template: "<div hidden></div>",
  props: { ramp: Array },
  mounted() {
    this.pictures = {};
    this.controls = new AbortController();
    const listen = (target, name, act) =>
      target.addEventListener(name, act, { signal: this.controls.signal });
    // its keys come before the page's
    installMicroscope(this.controls.signal);
    listen(document, "keydown", (event) => this.press(event));
    listen(document, "click", (event) => this.click(event));
    listen(document, "input", (event) => this.input(event));
    listen(document, "change", (event) => this.change(event));
    listen(window, "pagehide", () => this.key && navigator.sendBeacon(`leave/${this.key}`));
    // a page that comes back from the browser's memory has lost its run
    listen(window, "pageshow", (event) => event.persisted && location.reload());
    listen(window, "hashchange", () => this.follow());
    this.opening = new MutationObserver((changes) => changes.forEach(({ target }) => show(target)));
    this.opening.observe(document.getElementById("cp-drawer"), { attributeFilter: ["hidden"], subtree: true });
    // what a pane's own script asks for
    listen(document, "clearprop:do", ({ detail }) => this.$emit("do", detail));
    listen(NARROW, "change", () => {
      this.$emit("shape", NARROW.matches);
      this.tab(document.body.dataset.tab);
    });
    this.scheme(localStorage.getItem("clearprop-scheme") || "auto");
    this.tab("network");
    this.$emit("ready", NARROW.matches);
  },
  beforeUnmount() {
    this.controls.abort();
    this.opening.disconnect();
    Object.values(this.pictures).forEach((picture) => picture.leave());
  },
  methods: {
    frame(frame) {
      for (const name of ["network", "answers", "curves"]) this.picture(name)?.receive(frame[name]);
      this.say(frame.texts);
      const time = document.getElementById("cp-time");
      time.max = frame.time.end;
      if (!this.dragging) time.value = frame.time.at;
      const weight = document.getElementById("cp-weight");
      if (document.activeElement !== weight) weight.value = frame.weight.value;
      for (const [name, message] of Object.entries(frame.panes)) this.pane(name, message);
      requestAnimationFrame(() => {
        if (CALM.matches) setTimeout(() => this.$emit("want"), SLOW);
        else this.$emit("want");
      });
    },
    pane(name, { pictures = {}, html = {}, texts = {}, data }) {
      for (const [place, message] of Object.entries(pictures)) this.picture(place)?.receive(message);
      for (const [place, fragment] of Object.entries(html)) {
        document.querySelectorAll(`[data-html="${place}"]`).forEach((one) => { one.innerHTML = fragment; });
      }
      this.say(texts);
      if (data) document.dispatchEvent(new CustomEvent("clearprop:pane", { detail: { name, data } }));
    },
    say(texts) {
      for (const [name, text] of Object.entries(texts)) {
        document.querySelectorAll(`[data-live="${name}"]`).forEach((one) => { one.textContent = text; });
      }
    },
    picture(name) {
      const host = document.getElementById(`cp-${name}`);
      if (host && !this.pictures[name]) {
        this.pictures[name] = new Picture(host, {
          ramp: this.ramp,
          picks: (key) => isWeight(key) || /^p\d/.test(key),
          onPick: (key) => this.pick(key, host.dataset.picks),
          motion: "motion" in host.dataset,
          vertical: host.dataset.arrows === "vertical",
        });
      }
      return this.pictures[name];
    },
    // a picture of a pane may have a command of its own for weights
    pick(key, command) {
      if (isWeight(key) && command) this.$emit("do", [command, key]);
      else if (isWeight(key)) this.$emit("weight", key);
      else if (/^p\d+$/.test(key)) this.$emit("row", Number(key.slice(1)));
    },
    lang(tag, title, told) {
      document.documentElement.lang = tag;
      document.title = title;
      document.querySelectorAll("#popup > span, #too_long_message_popup > span").forEach((span, k) => {
        span.textContent = told[k];
      });
    },
    scheme(name) {
      document.documentElement.dataset.scheme = name;
      localStorage.setItem("clearprop-scheme", name);
      document.querySelectorAll("[data-scheme-to]").forEach((one) =>
        one.setAttribute("aria-pressed", one.dataset.schemeTo === name));
    },
    tab(name) {
      document.body.dataset.tab = name;
      document.querySelectorAll("[data-tab-to]").forEach((one) =>
        one.setAttribute("aria-pressed", one.dataset.tabTo === name));
      if (NARROW.matches) this.$emit("drawer", name === "drawer");
    },
    problem(text) {
      if (problem(text)) return; // a dialog is open
      const box = document.getElementById("cp-problem");
      box.querySelector("span").textContent = text;
      box.hidden = false;
      clearTimeout(this.fading);
      this.fading = setTimeout(() => { box.hidden = true; }, 12000);
    },
    click({ target }) {
      const of = (name) => target.closest?.(`[data-${name}]`)?.getAttribute(`data-${name}`);
      if (of("scheme-to")) this.scheme(of("scheme-to"));
      if (of("tab-to")) this.tab(of("tab-to"));
      if (of("opens")) document.getElementById(of("opens")).showModal();
      if (of("opens") === "cp-sharing") begin();
      if (of("take")) this.trying(() => take(this.key, of("take")));
      if (target.id === "cp-copy") this.trying(copy);
      if (target.id === "cp-open-link") {
        const link = document.getElementById("cp-bring-link").value;
        this.trying(() => send(this.key, "link", link, "link.txt"));
      }
      if (of("closes") !== undefined && of("closes") !== null) target.closest("dialog").close();
      if (target.closest?.("#cp-problem button")) document.getElementById("cp-problem").hidden = true;
    },
    input({ target }) {
      if (target.id !== "cp-time") return;
      this.dragging = true;
      clearTimeout(this.letting);
      this.letting = setTimeout(() => { this.dragging = false; }, 400);
      this.$emit("seek", Number(target.value));
    },
    change({ target }) {
      if (target.id === "cp-weight" && target.value !== "") this.$emit("value", Number(target.value));
      if (target.id === "cp-file" && target.files.length) this.upload(target, "own");
      if (target.dataset?.sends && target.files.length) this.upload(target, target.dataset.sends);
    },
    upload(target, what) {
      const [file] = target.files;
      this.trying(() => send(this.key, what, file, file.name)).then(() => { target.value = ""; });
    },
    async trying(act) {
      news("");
      try {
        await act();
      } catch (error) {
        news("");
        this.problem(error.message);
      }
    },
    open(key) {
      this.key = key;
      this.follow();
    },
    // the run that this page's address holds
    follow() {
      const link = this.key && linked();
      if (link) this.trying(() => send(this.key, "link", link, "link.txt"));
    },
    press(event) {
      if (event.defaultPrevented) return;
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (event.key === "Escape" && typing(event.target)) event.target.blur();
      if (typing(event.target)) return;
      const ranged = event.target.matches?.("input[type=range]");
      const act = {
        " ": () => !event.target.closest?.("button, summary, a") && this.$emit("key", "play"),
        ArrowRight: () => !ranged && this.$emit("key", "forward"),
        ArrowLeft: () => !ranged && this.$emit("key", "back"),
        "/": () => document.getElementById("cp-find").focus(),
        "?": () => document.getElementById("cp-help").showModal(),
      }[event.key];
      if (act && act() !== false) event.preventDefault();
    },
  },
};
