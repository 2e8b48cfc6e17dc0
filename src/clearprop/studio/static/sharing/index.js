/* Takes away and brings back: fetches what a person takes and hands it to the browser, sends what a
   person brings. A PNG is made here, from the SVG. Plain functions, which `stage.js` calls. */

const at = (id) => document.getElementById(id);
const lang = () => (document.documentElement.lang.startsWith("zh") ? "zh" : "en");

function word(name, values = {}) {
  const text = document.querySelector(`[data-word="${name}"]`)?.dataset.text ?? "";
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

export function news(text) {
  at("cp-sharing").querySelector("[data-problem]").textContent = "";
  at("cp-sharing-news").textContent = text;
}

// says in the open dialog what went wrong; false where none is open
export function problem(text) {
  const place = document.querySelector("dialog[open] [data-problem]");
  if (!place) return false;
  place.textContent = text;
  place.scrollIntoView({ block: "nearest" });
  return true;
}

// pictures are on the page's own ground, unless another one is chosen
export function begin() {
  const chosen = document.documentElement.dataset.scheme;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  at("cp-ground").value = chosen === "auto" ? (dark ? "dark" : "light") : chosen;
}

async function fetched(key, what) {
  const wish = new URLSearchParams({
    lang: lang(), picture: at("cp-picture").value, ground: at("cp-ground").value,
  });
  const answer = await fetch(`take/${key}/${what}?${wish}`);
  if (!answer.ok) throw new Error(await answer.text());
  const [, name] = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition")) || [];
  return { blob: await answer.blob(), name };
}

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(blob), download: name,
  });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

// the SVG's texts are drawn by this browser, with its faces
async function png(svg) {
  const picture = new Image(), place = URL.createObjectURL(svg);
  picture.src = place;
  await picture.decode();
  const canvas = Object.assign(document.createElement("canvas"), {
    width: 2 * picture.naturalWidth, height: 2 * picture.naturalHeight,
  });
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(place);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

export async function take(key, what) {
  news(word("making"));
  const { blob, name } = await fetched(key, what === "png" ? "svg" : what);
  if (what === "link") {
    const text = location.origin + location.pathname + await blob.text();
    at("cp-link").value = text;
    at("cp-link-made").hidden = false;
    at("cp-link-letters").textContent = word("link_letters", { n: text.length.toLocaleString("en") });
    at("cp-link").select();
    news("");
    return;
  }
  const png_name = name.replace(/\.svg$/, ".png");
  if (what === "png") save(await png(blob), png_name);
  else save(blob, name);
  news(word("made", { name: what === "png" ? png_name : name }));
}

export async function copy() {
  const field = at("cp-link");
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    field.select();
    document.execCommand("copy");
  }
  news(word("copied"));
}

export async function send(key, what, body, name) {
  const wish = new URLSearchParams({ name, what, lang: lang() });
  const answer = await fetch(`upload/${key}?${wish}`, { method: "POST", body });
  if (answer.status === 413) throw new Error(word("too_large", { name }));
  if (!answer.ok) throw new Error(await answer.text());
}

// the run in this page's own address
export function linked() {
  const found = /^#run=/.test(location.hash) ? location.hash : "";
  if (found) history.replaceState(null, "", location.pathname + location.search);
  return found;
}
