/// <reference path="charts.js" />
/// <reference path="../../tinygrad_lecture/inspect/page/theme.js" />
// Type a text: attention as arcs, the residual stream read after each block, the next token under one's own sliders.

const data = JSON.parse(byId("data").textContent);
const { layers, heads } = data.config;
const worker = data.worker && new Worker(URL.createObjectURL(new Blob([data.worker], { type: "text/javascript" })));
const ALL_AT_ONCE = 6; // blocks whose heads are shown at once
let [answer, isWaiting, draws] = [null, false, 0]; // draws: tokens still to draw
const chosen = { token: null, block: layers - 1, head: 0, off: new Set() }; // no token: the last one

// --- asking the model: see gpt_worker.js --------------------------------------------------------------------------

const question = () => ({ text: byId("text").value, off: [...chosen.off], at: chosen.token });

async function told(asked) {
  if (worker) {
    worker.postMessage(asked);
    return new Promise((resolve) => (worker.onmessage = (event) => resolve(event.data)));
  }
  const response = await fetch(`ask${location.search}`, { method: "POST", body: JSON.stringify(asked) });
  if (!response.ok) throw new Error(await response.text());
  const found = await response.json();
  const attention = found.attention?.map((block) => block.map((weight) => weight / 1e4)); // of ten thousand
  return { ...found, attention };
}

// Ask for the text as it is now; while an answer is on its way, once more when it is there.
async function ask() {
  if (isWaiting) return;
  isWaiting = true;
  let asked, found;
  try {
    if (!worker || !answer) byId("said").textContent = "It reads ...";
    do found = await told((asked = question()));
    while (JSON.stringify(asked) !== JSON.stringify(question()));
    byId("said").textContent = [
      found.unknown.length ? `It never saw ${found.unknown.join(" ")}, and reads the text without.` : "",
      found.cut ? `It reads the last ${found.tokens.length} tokens.` : "",
      found.tokens.length ? "" : "There is nothing to read: type something.",
    ].join(" ");
    if (found.tokens.length) answer = found;
    if (answer) show();
  } catch (error) {
    byId("said").textContent =
      `The model does not answer (${error.message}). If its program has ended, start it again.`;
    draws = 0;
  }
  isWaiting = false;
  if (draws) setTimeout(draw, 60);
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
function nextTokens() {
  const T = Math.max(setting("temperature"), 1e-3);
  const most = answer.next[0][1];
  const likeliest = shares(answer.next.slice(0, setting("top_k")).map(([text, p]) => [text, (p / most) ** (1 / T)]));
  let sum = 0;
  return shares(likeliest.filter(([, p]) => (sum += p) - p < setting("top_p") - 1e-12));
}

function draw() {
  if (!answer || isWaiting || !draws) return;
  draws -= 1;
  let rest = Math.random();
  const next = nextTokens();
  const [text] = next.find(([, p]) => (rest -= p) < 0) ?? next[0];
  byId("text").value += text;
  byId("text").scrollTop = byId("text").scrollHeight;
  askForAll();
}

// --- what one sees ------------------------------------------------------------------------------------------------

function show() {
  drawArcs();
  drawHeads();
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
  const [next, known] = [nextTokens(), answer.next.reduce((sum, [, p]) => sum + p, 0)];
  const name = (i) => shownToken(next[i][0]);
  byId("next").replaceChildren(
    bars(
      Float64Array.from(next.slice(0, 12), ([, p]) => p),
      name,
    ),
  );
  const others = `It chooses among the likeliest ${answer.next.length}: at temperature 1 all others have`;
  byId("rest").textContent = known < 0.9995 ? `${others} ${number(1 - known, 2)} together.` : "";
}

function drawArcs() {
  const { block, head } = chosen;
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
  byId("told").textContent =
    `Head ${block}.${head}: "${names[token]}" attends most to "${names[key]}", ${names.length > 1 && key === token ? "itself" : `token ${key}`}, with ${number(weights[key], 2)}.`;
}

// A map for each head of all blocks, or of the chosen one where there are many, which chooses the head.
function drawHeads() {
  const n = answer.tokens.length;
  const blocks = layers > ALL_AT_ONCE ? [chosen.block] : answer.attention.keys();
  const maps = Array.from(blocks).flatMap((block) =>
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
  byId("switch").textContent =
    `Switch head ${chosen.block}.${chosen.head} ${chosen.off.has(`${chosen.block}.${chosen.head}`) ? "on" : "off"}`;
  byId("all").textContent = chosen.off.size ? `All heads on (off: ${[...chosen.off].join(", ")})` : "All heads on";
}

/** @param {any} event */
function chooseToken({ target, key }) {
  if (!target.dataset.token || (key ?? "Enter") !== "Enter") return;
  chosen.token = Number(target.dataset.token);
  drawArcs();
  ask();
}

function chooseHead(block, head) {
  Object.assign(chosen, { block, head });
  byId("block").previousElementSibling.textContent = block;
  if (!answer) return;
  drawArcs();
  drawHeads();
}

// --- the beginning ------------------------------------------------------------------------------------------------

startTheme();
worker?.postMessage({ model: data });
byId("text").addEventListener("input", askForAll);
for (const id of ["temperature", "top_k", "top_p"]) {
  const tell = () => (byId(id).previousElementSibling.textContent = byId(id).value);
  byId(id).addEventListener("input", () => {
    tell();
    showNext();
  });
  tell();
}
const write = (count) => {
  draws = count;
  byId("go").textContent = draws > 1 ? "Stop" : "Go on";
  draw();
};
byId("draw").addEventListener("click", () => write(1));
byId("go").addEventListener("click", () => write(draws > 1 ? 0 : Infinity));
byId("block").parentElement.hidden = layers <= ALL_AT_ONCE;
byId("block").max = byId("block").value = String(layers - 1);
byId("block").addEventListener("input", () => chooseHead(setting("block"), chosen.head));
chooseHead(layers - 1, 0);
byId("arcs").addEventListener("click", chooseToken);
byId("arcs").addEventListener("keydown", chooseToken);
byId("switch").addEventListener("click", () => {
  const name = `${chosen.block}.${chosen.head}`;
  if (!chosen.off.delete(name)) chosen.off.add(name);
  ask();
});
byId("all").addEventListener("click", () => {
  chosen.off.clear();
  ask();
});
byId("text").value = data.text;
ask();
