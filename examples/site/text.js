/// <reference path="charts.js" />
/// <reference path="../../tinygrad_lecture/inspect/page/attention.js" />
/// <reference path="../../tinygrad_lecture/inspect/page/theme.js" />
// Type a text: attention as arcs, the residual stream read after each block, the next token under one's own sliders.

const data = JSON.parse(byId("data").textContent);
const { layers, heads } = data.config;
const worker = data.worker && new Worker(URL.createObjectURL(new Blob([data.worker], { type: "text/javascript" })));
const ALL_AT_ONCE = 6; // blocks whose heads are shown at once
let [answer, isWaiting, draws] = [null, false, 0]; // answer: null if there is none to the text; draws: tokens still to draw
const chosen = { token: null, block: data.block ?? layers - 1, head: null, off: new Set() }; // no token: the last one; no head: a clear one

// --- asking the model: see gpt_worker.js --------------------------------------------------------------------------

const nameOf = () => `${chosen.block}.${chosen.head ?? 0}`;

function question() {
  const block = layers > ALL_AT_ONCE ? chosen.block : null;
  return { text: byId("text").value, off: [...chosen.off], at: chosen.token, block };
}

async function told(asked) {
  if (worker) {
    worker.postMessage(asked);
    return new Promise((resolve) => (worker.onmessage = (event) => resolve(event.data)));
  }
  const response = await fetch(`ask${location.search}`, { method: "POST", body: JSON.stringify(asked) });
  if (!response.ok) throw new Error(await response.text());
  const found = await response.json();
  for (const weights of Object.values(found.attention ?? {})) weights.forEach((w, i) => (weights[i] = w / 1e4)); // of ten thousand
  return found;
}

// Ask for the text as it is now; while an answer is on its way, once more when it is there.
async function ask() {
  if (isWaiting) return;
  isWaiting = true;
  let asked, found;
  try {
    if (!worker || !answer) byId("said").textContent = "It reads ...";
    do {
      found = await told((asked = question()));
      const { text, off } = asked;
      const known = off.length ? answer?.text === text && answer.whole : found.next;
      const whole = known || (await told({ ...asked, off: [] })).next; // with all heads on
      answer = found.tokens.length ? { ...found, text, whole } : null;
      if (answer && chosen.head === null) chooseHead(...clearest(answer));
    } while (JSON.stringify(asked) !== JSON.stringify(question()));
    const unknown = found.unknown.map((sign) => `"${shownToken(sign)}"`);
    const skipped = unknown.length > 1 ? "them: its text had no such signs" : "it: its text had no such sign";
    byId("said").textContent = [
      unknown.length ? `It does not know ${unknown.join(", ")}, and skips ${skipped}.` : "",
      found.cut ? `It reads the last ${found.tokens.length} tokens.` : "",
      found.tokens.length ? "" : "There is nothing to read: type something.",
    ].join(" ");
  } catch (error) {
    const remedy = error instanceof TypeError ? " If its program has ended, start it again." : ""; // fetch did not connect
    byId("said").textContent = `The model does not answer (${error.message}).${remedy}`;
    answer = null;
  }
  isWaiting = false;
  show();
  if (draws) setTimeout(draw, 60);
}

// The block and head in which the last token attends most to one token. The first one and the one before it do not count,
// as many heads rest there.
function clearest({ attention, tokens }) {
  const n = tokens.length;
  const found = Object.entries(attention).flatMap(([block, weights]) =>
    Array.from({ length: heads }, (_, head) => {
      const most = Math.max(...weights.slice((head * n + n - 1) * n + 1, (head + 1) * n * n - 2));
      return [Number(block), head, most];
    }),
  );
  return found.reduce((best, one) => (one[2] > best[2] ? one : best));
}

function read(text) {
  byId("text").value = text;
  askForAll();
}

function askForAll() {
  chosen.token = null;
  ask();
}

// --- the next token -----------------------------------------------------------------------------------------------

const setting = (id) => Number(byId(id).value);

// Probabilities that sum to 1.
function shares(rows) {
  const total = rows.reduce((sum, [, p]) => sum + p, 0);
  return rows.map(([text, p]) => [text, p / total]);
}

// Probabilities of the next token at the temperature: of the top k, and of these the fewest that reach the top p.
function nextTokens(next) {
  const T = Math.max(setting("temperature"), 1e-3);
  const most = next[0][1];
  const likeliest = shares(next.slice(0, setting("top_k")).map(([text, p]) => [text, (p / most) ** (1 / T)]));
  let sum = 0;
  return shares(likeliest.filter(([, p]) => (sum += p) - p < setting("top_p") - 1e-12));
}

function write(count) {
  draws = count;
  byId("go").textContent = draws > 1 ? "Stop" : "Go on";
  draw();
}

function draw() {
  if (isWaiting || !draws) return;
  if (!answer) return write(0);
  draws -= 1;
  let rest = Math.random();
  const next = nextTokens(answer.next);
  const [text] = next.find(([, p]) => (rest -= p) < 0) ?? next[0];
  const box = byId("text");
  box.value = (text.startsWith(" ") ? box.value.replace(/ +$/, "") : box.value) + text;
  byId("text").scrollTop = byId("text").scrollHeight;
  askForAll();
}

// --- what one sees ------------------------------------------------------------------------------------------------

function show() {
  for (const id of ["arcs", "heads", "next", "lens", "told", "rest", "read"]) if (!answer) byId(id).replaceChildren();
  drawHeads();
  if (!answer) return;
  drawArcs();
  showNext();
  const rows = answer.lens.map((best, stage) => {
    const cells = best.map(([text, p]) => element("td", {}, `${shownToken(text)} ${p.toFixed(2)}`));
    return element("tr", {}, element("th", { scope: "row" }, stage ? `block ${stage - 1}` : "embedding"), ...cells);
  });
  byId("lens").replaceChildren(element("table", { class: "lens" }, element("tbody", {}, ...rows)));
  byId("read").textContent = shownToken(answer.tokens[answer.at]);
}

function showNext() {
  if (!answer) return;
  const [next, whole] = [answer.next, answer.whole].map(nextTokens);
  const known = answer.next.reduce((sum, [, p]) => sum + p, 0);
  const name = (i) => shownToken(next[i][0]);
  const allOn = new Map(whole);
  const before = (i) => (chosen.off.size ? ` (${number(allOn.get(next[i][0]) ?? 0, 2)})` : "");
  const shown = bars(
    Float64Array.from(next.slice(0, 12), ([, p]) => p),
    name,
    before,
  );
  byId("next").replaceChildren(shown, paragraph("hint", chosen.off.size ? "In brackets: with all heads on." : ""));
  const others = `It chooses among the likeliest ${answer.next.length}: at temperature 1 all others have`;
  byId("rest").textContent = known < 0.9995 ? `${others} ${number(1 - known, 2)} together.` : "";
}

function drawArcs() {
  const { block, head } = chosen;
  if (!answer?.attention[block]) return;
  const [names, base, token] = [answer.tokens.map(shownToken), 110, chosen.token ?? answer.at];
  let wide = 0;
  const x = names.map((name) => {
    const own = Math.max(22, 9 * name.length + 12);
    wide += own;
    return wide - own / 2;
  });
  const first = (head * names.length + token) * names.length;
  const weights = answer.attention[block].slice(first, first + token + 1);
  const arcs = Array.from(weights, (weight, key) =>
    svgElement("path", {
      d: `M${x[token]} ${base} Q${(x[token] + x[key]) / 2} ${base - 20 - Math.min(2 * (x[token] - x[key]), 75)} ${x[key]} ${base}`,
      class: "arc",
      "stroke-width": 8 * weight,
      "stroke-opacity": 0.25 + 0.75 * weight,
    }),
  );
  const texts = names.map((name, i) => {
    const place = { x: x[i], y: base + 18, "text-anchor": "middle", tabindex: 0, role: "button", "data-token": i };
    const said = { "aria-pressed": String(i === token), "aria-label": `token ${i}, ${name}` };
    return svgElement("text", { ...place, ...said }, name);
  });
  const attributes = { width: wide, height: base + 30, class: "arcs", role: "group", "aria-label": "Tokens" };
  const hasFocus = byId("arcs").contains(document.activeElement);
  byId("arcs").replaceChildren(svgElement("svg", attributes, ...arcs, ...texts));
  if (hasFocus) texts[token].focus({ preventScroll: true });
  byId("arcs").parentElement.scrollLeft = x[token] - byId("arcs").parentElement.clientWidth + 60;
  const key = indexOfLargest(weights);
  const state = chosen.off.has(nameOf()) ? " is off: it adds nothing to the residual stream. There" : ":";
  const to = key === token ? "itself" : `token ${key}, "${names[key]}"`;
  byId("told").textContent =
    `Head ${nameOf()}${state} token ${token}, "${names[token]}", attends most to ${to}, with ${number(weights[key], 2)}.`;
}

// A map for each head of all blocks, or of the chosen one where there are many, which chooses the head.
function drawHeads() {
  byId("switch").textContent = `Switch head ${nameOf()} ${chosen.off.has(nameOf()) ? "on" : "off"}`;
  byId("all").textContent = chosen.off.size ? `All heads on (off: ${[...chosen.off].join(", ")})` : "All heads on";
  if (!answer?.attention[chosen.block]) return;
  const n = answer.tokens.length;
  const blocks = Object.keys(answer.attention).map(Number);
  const maps = blocks.flatMap((block) =>
    Array.from({ length: heads }, (_, head) => {
      const [name, weights] = [`${block}.${head}`, answer.attention[block]];
      const canvas = element("canvas", { width: n, height: n, "aria-hidden": "true" });
      const pen = canvas.getContext("2d");
      const image = pen.createImageData(n, n);
      const pixels = new Uint32Array(image.data.buffer); // opacity, blue, green, red
      pixels.forEach((_, i) => (pixels[i] = (Math.round(255 * Math.sqrt(weights[head * n * n + i])) << 24) | 0xcc7a26));
      pen.putImageData(image, 0, 0);
      const isOff = chosen.off.has(name);
      const made = button(isOff ? `${name} off` : name, () => chooseHead(block, head), {
        class: isOff ? "head off" : "head",
        "aria-pressed": String(block === chosen.block && head === chosen.head),
        "aria-label": `${name}${isOff ? " off" : ""}: head ${head} of block ${block}`,
      });
      made.prepend(canvas);
      return made;
    }),
  );
  byId("heads").style.gridTemplateColumns = `repeat(${heads > ALL_AT_ONCE ? "auto-fill" : heads}, minmax(64px, 96px))`;
  byId("heads").replaceChildren(...maps);
}

/** @param {any} event */
function chooseToken(event) {
  const { target, key } = event;
  if (!target.dataset.token || !["Enter", " ", undefined].includes(key)) return;
  event.preventDefault(); // a space would scroll
  chosen.token = Number(target.dataset.token);
  drawArcs();
  ask();
}

function chooseHead(block, head) {
  Object.assign(chosen, { block, head });
  byId("block").previousElementSibling.textContent = block;
  drawArcs();
  drawHeads();
  if (answer && !answer.attention[block]) ask();
}

// --- the beginning ------------------------------------------------------------------------------------------------

startTheme();
worker?.postMessage({ model: data });
byId("named").textContent =
  `${layers - 1}.0 is the first head of the last block, counted from 0. Switched off, it adds nothing to the residual stream.`;
byId("top_k").max = String(data.likeliest);
byId("top_k").value = byId("top_k").max;
byId("text").addEventListener("input", askForAll);
for (const id of ["temperature", "top_k", "top_p"]) {
  const tell = () => (byId(id).previousElementSibling.textContent = byId(id).value);
  byId(id).addEventListener("input", () => {
    tell();
    showNext();
  });
  tell();
}
byId("draw").addEventListener("click", () => write(1));
byId("go").addEventListener("click", () => write(draws > 1 ? 0 : Infinity));
byId("block").parentElement.hidden = layers <= ALL_AT_ONCE;
byId("block").max = String(layers - 1);
byId("block").value = String(chosen.block);
byId("block").addEventListener("input", () => chooseHead(setting("block"), chosen.head));
byId("block").previousElementSibling.textContent = byId("block").value;
byId("arcs").addEventListener("click", chooseToken);
byId("arcs").addEventListener("keydown", chooseToken);
byId("switch").addEventListener("click", () => {
  if (!chosen.off.delete(nameOf())) chosen.off.add(nameOf());
  ask();
});
byId("all").addEventListener("click", () => {
  chosen.off.clear();
  ask();
});
byId("texts").append(
  ...data.texts.map(([text, told]) =>
    element(
      "li",
      {},
      link(text, () => read(text)),
      ` ${told}`,
    ),
  ),
);
read(data.texts[0][0]);
