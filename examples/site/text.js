/// <reference path="charts.js" />
/// <reference path="../../tinygrad_lecture/inspect/page/keys.js" />
/// <reference path="../../tinygrad_lecture/inspect/page/attention.js" />
/// <reference path="../../tinygrad_lecture/inspect/page/theme.js" />
// Type a text: attention as arcs, the residual stream read after each block, the next token under one's own sliders.

const data = JSON.parse(byId("data").textContent);
const { layers, heads } = data.config;
const worker = data.worker && new Worker(URL.createObjectURL(new Blob([data.worker], { type: "text/javascript" })));
const ALL_AT_ONCE = 6; // blocks whose heads are shown at once
let [answer, isWaiting, draws] = [null, false, 0]; // answer: null if there is none to the text; draws: tokens still to draw
let leaving = null; // what gives the question up that is on its way to a server
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
  const name = `name=${crypto.randomUUID()}`; // of the question, while it waits
  const looking = setInterval(() => fetch(`before?${name}`).then(sayBefore, () => {}), 500);
  leaving = new AbortController();
  const sent = { method: "POST", body: JSON.stringify(asked), signal: leaving.signal };
  const response = await fetch(`ask?${name}`, sent).finally(() => clearInterval(looking));
  if (!response.ok) throw new Error(await response.text());
  const found = await response.json();
  for (const weights of Object.values(found.attention ?? {})) weights.forEach((w, i) => (weights[i] = w / 1e4)); // of ten thousand
  return found;
}

function ifLeft(error) {
  if (error.name !== "AbortError") throw error;
}

async function sayBefore(response) {
  const before = await response.json();
  if (before) say(`It reads ${before === 1 ? "another text" : `${before} other texts`} before this one.`);
}

// Ask for the text as it is now. An answer that is on its way is to another question, which is given up.
async function ask() {
  if (isWaiting) return leaving?.abort();
  isWaiting = true;
  try {
    if (!worker || !answer) say("It reads ...");
    let asked, found;
    do found = await told((asked = question())).catch(ifLeft);
    while (!found || JSON.stringify(asked) !== JSON.stringify(question()));
    answer = found.tokens.length ? found : null;
    if (answer && chosen.head === null) chooseHead(...clearest(answer));
    const unknown = found.unknown.map((sign) => `"${shownToken(sign)}"`);
    const skipped = unknown.length > 1 ? "them: its text had no such signs" : "it: its text had no such sign";
    say(
      unknown.length ? `It does not know ${unknown.join(", ")}, and skips ${skipped}.` : "",
      found.cut ? `It reads the last ${found.tokens.length} tokens.` : "",
      answer ? "" : "There is nothing to read: type something.",
    );
  } catch (error) {
    const remedy = error instanceof TypeError ? " If its program has ended, start it again." : ""; // fetch did not connect
    say(`The model does not answer (${error.message}).${remedy}`);
    answer = null;
  }
  isWaiting = false;
  show();
  if (draws) setTimeout(draw, 60);
}

const say = (...sentences) => (byId("said").textContent = sentences.join(" "));

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
  [byId("text").value, chosen.head] = [text, null];
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
  byId("read").parentElement.hidden = !answer;
  drawHeads();
  if (!answer) return;
  drawArcs();
  showNext();
  const rows = answer.lens.map((best, stage) => {
    const cells = best.map(([text, p]) => td(`${shownToken(text)} ${p.toFixed(2)}`));
    return tr(rowHead(stage ? `block ${stage - 1}` : "embedding"), cells);
  });
  fill(byId("lens"), element("table", { class: "lens" }, element("tbody", {}, rows)));
  byId("read").textContent = shownToken(answer.tokens[answer.at]);
}

function showNext() {
  if (!answer) return;
  const next = nextTokens(answer.next).slice(0, 12);
  const allOn = answer.whole && new Map(nextTokens(answer.whole));
  const numbers = next.map(([, p]) => p);
  const before = (i) => (allOn ? ` (${number(allOn.get(next[i][0]) ?? 0, 2)})` : "");
  const shown = bars(numbers, (i) => shownToken(next[i][0]), before);
  fill(byId("next"), shown, hint(allOn ? "In brackets: with all heads on." : ""));
  const known = answer.next.reduce((sum, [, p]) => sum + p, 0);
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
    const place = { x: x[i], y: base + 18, "text-anchor": "middle", role: "button" };
    return svgElement(
      "text",
      { ...place, "aria-pressed": String(i === token), "aria-label": `token ${i}, ${name}` },
      name,
    );
  });
  const stops = texts.map((text) => [text]);
  oneStop(stops, chooseToken);
  const attributes = { width: wide, height: base + 30, class: "arcs", role: "group", "aria-label": "Tokens" };
  refill(byId("arcs"), svgElement("svg", attributes, arcs, texts), texts[token]);
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
  const blocks = Object.keys(answer.attention).map(Number);
  const maps = Array.from({ length: heads }, (_, head) => blocks.map((block) => headMap(block, head)));
  oneStop(maps, (head, i) => chooseHead(blocks[i], head));
  byId("heads").style.gridTemplateColumns = `repeat(${heads > ALL_AT_ONCE ? "auto-fill" : heads}, minmax(64px, 96px))`;
  const rows = blocks.map((_, i) => maps.map((column) => column[i]));
  refill(byId("heads"), rows, maps[chosen.head][blocks.indexOf(chosen.block)]);
}

// Put something in the place of what is there; if that had the focus, a part of it gets the focus.
function refill(place, made, part) {
  const hasFocus = place.contains(document.activeElement);
  fill(place, made);
  if (hasFocus) part.focus({ preventScroll: true });
}

function headMap(block, head) {
  const [name, n] = [`${block}.${head}`, answer.tokens.length];
  const canvas = element("canvas", { width: n, height: n, "aria-hidden": "true" });
  paint(canvas, answer.attention[block].slice(head * n * n, (head + 1) * n * n).map(Math.sqrt), 1);
  const off = chosen.off.has(name) ? " off" : "";
  const said = { "aria-label": `${name}${off}: head ${head} of block ${block}` };
  const isChosen = block === chosen.block && head === chosen.head;
  return element("button", { class: `head${off}`, "aria-pressed": String(isChosen), ...said }, canvas, name, off);
}

function chooseToken(token) {
  chosen.token = token;
  drawArcs();
  ask();
}

function chooseHead(block, head) {
  Object.assign(chosen, { block, head });
  drawArcs();
  drawHeads();
  if (answer && !answer.attention[block]) ask();
}

// --- the beginning ------------------------------------------------------------------------------------------------

startTheme();
worker?.postMessage({ model: data });
byId("named").textContent =
  `${layers - 1}.0 is the first head of the last block, counted from 0. Switched off, it adds nothing to the residual stream.`;
byId("block").parentElement.hidden = layers <= ALL_AT_ONCE;
byId("block").max = String(layers - 1);
byId("block").value = String(chosen.block);
byId("text").addEventListener("input", askForAll);
for (const id of ["temperature", "top_k", "top_p"]) byId(id).addEventListener("input", showNext);
byId("block").addEventListener("input", () => chooseHead(setting("block"), chosen.head));
document.addEventListener("input", () => tellSliders());
tellSliders();
byId("draw").addEventListener("click", () => write(1));
byId("go").addEventListener("click", () => write(draws > 1 ? 0 : Infinity));
byId("switch").addEventListener("click", () => {
  if (!chosen.off.delete(nameOf())) chosen.off.add(nameOf());
  ask();
});
byId("all").addEventListener("click", () => {
  chosen.off.clear();
  ask();
});
const textLink = (text) => link(text, () => read(text));
fill(byId("texts"), ...data.texts.map(([text, told]) => li(textLink(text), ` ${told}`)));
read(data.texts[0][0]);
