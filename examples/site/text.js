/// <reference path="charts.js" />
/// <reference path="../../tinygrad_lecture/inspect/page/theme.js" />
// Type a text: attention as arcs, the residual stream read after each block, the next token under one's own sliders.

const data = JSON.parse(byId("data").textContent);
const { vocabulary: signs, config } = data;
const worker = new Worker(URL.createObjectURL(new Blob([data.worker], { type: "text/javascript" })));
let [tokens, answer, isWaiting, isWriting] = [[], null, false, false];
const chosen = { token: 0, block: config.layers - 1, head: 0, off: new Set() };

// --- asking the model ---------------------------------------------------------------------------------------------

// The text's last tokens, and what it holds that the model never saw.
function readText() {
  const typed = [...byId("text").value];
  const unknown = [...new Set(typed.filter((sign) => !signs.includes(sign)))];
  const known = typed.filter((sign) => signs.includes(sign)).map((sign) => signs.indexOf(sign));
  const cut = known.length > config.context;
  byId("said").textContent = [
    unknown.length ? `It never saw ${unknown.join(" ")}, and reads the text without.` : "",
    cut ? `It sees the last ${config.context} tokens.` : "",
    known.length ? "" : "There is nothing to read: type something.",
  ]
    .filter(Boolean)
    .join(" ");
  return known.slice(-config.context);
}

// Ask for the text as it is now; while an answer is on its way, once more when it is there.
function ask() {
  tokens = readText();
  chosen.token = Math.max(tokens.length - 1, 0);
  askAgain();
}

function askAgain() {
  if (!tokens.length || isWaiting) return;
  isWaiting = true;
  worker.postMessage({ tokens, off: [...chosen.off] });
}

worker.onmessage = ({ data: told }) => {
  isWaiting = false;
  if (String([told.asked.tokens, told.asked.off]) !== String([tokens, [...chosen.off]])) return askAgain();
  answer = told;
  show();
  if (isWriting) setTimeout(draw, 60);
};

// --- the next token -----------------------------------------------------------------------------------------------

const setting = (id) => Number(byId(id).value);

// Probabilities of the next token: softmax at the temperature, cut to the top k and the top p, and summing to 1 again.
function nextTokens(logits) {
  const T = Math.max(setting("temperature"), 1e-3);
  const most = logits.reduce((a, b) => Math.max(a, b));
  const exps = Array.from(logits, (score, token) => ({ token, p: Math.exp((score - most) / T) }));
  const total = exps.reduce((sum, { p }) => sum + p, 0);
  const sorted = exps
    .map(({ token, p }) => ({ token, p: p / total }))
    .sort((a, b) => b.p - a.p)
    .slice(0, setting("top_k"));
  let sum = 0;
  const kept = sorted.filter(({ p }) => {
    const before = sum;
    sum += p;
    return before < setting("top_p") - 1e-12;
  });
  const left = kept.reduce((all, { p }) => all + p, 0);
  return kept.map(({ token, p }) => ({ token, p: p / left }));
}

function draw() {
  if (!answer) return;
  let rest = Math.random();
  const { token } = nextTokens(lastRow()).find(({ p }) => (rest -= p) < 0) ?? nextTokens(lastRow())[0];
  byId("text").value += signs[token];
  ask();
}

const lastRow = () => answer.logits.subarray(-config.vocabulary);

// --- what one sees ------------------------------------------------------------------------------------------------

const weightAt = (block, head, query, key) =>
  answer.attention[block][(head * tokens.length + query) * tokens.length + key];
const nameOf = (token) => shownToken(signs[token]);

function show() {
  if (!answer) return;
  drawArcs();
  drawHeads();
  const next = nextTokens(lastRow());
  byId("next").replaceChildren(
    bars(
      next.slice(0, 12).map(({ p }) => p),
      (i) => nameOf(next[i].token),
    ),
  );
  const rows = answer.lens.map((logits, stage) => {
    const row = Array.from(
      logits.subarray(chosen.token * config.vocabulary, (chosen.token + 1) * config.vocabulary),
      (score, token) => ({ score, token }),
    );
    const most = Math.max(...row.map(({ score }) => score));
    const total = row.reduce((sum, { score }) => sum + Math.exp(score - most), 0);
    const best = row
      .sort((a, b) => b.score - a.score)
      .slice(0, 4)
      .map(({ score, token }) => `${nameOf(token)} ${(Math.exp(score - most) / total).toFixed(2)}`);
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, stage ? `block ${stage - 1}` : "embedding"),
      ...best.map((text) => element("td", {}, text)),
    );
  });
  byId("lens").replaceChildren(element("table", { class: "lens" }, element("tbody", {}, ...rows)));
}

function drawArcs() {
  const [step, base] = [22, 110];
  const x = (i) => 14 + i * step;
  const { token, block, head } = chosen;
  const arcs = tokens.slice(0, token + 1).map((_, key) => {
    const weight = weightAt(block, head, token, key);
    const [from, to] = [x(token), x(key)];
    return svgElement("path", {
      d: `M${from} ${base} Q${(from + to) / 2} ${base - 20 - Math.min(4 * Math.abs(from - to), 150) * 0.5} ${to} ${base}`,
      class: "arc",
      "stroke-width": 8 * weight,
      "stroke-opacity": 0.25 + 0.75 * weight,
    });
  });
  const texts = tokens.map((id, i) => {
    const text = svgElement(
      "text",
      {
        x: x(i),
        y: base + 18,
        "text-anchor": "middle",
        tabindex: 0,
        role: "button",
        "aria-pressed": String(i === token),
        "aria-label": `token ${i}, ${nameOf(id)}`,
      },
      nameOf(id),
    );
    const choose = () => {
      chosen.token = i;
      show();
    };
    text.addEventListener("click", choose);
    text.addEventListener("keydown", (event) => event.key === "Enter" && choose());
    return text;
  });
  const wide = x(tokens.length) + 10;
  byId("arcs").replaceChildren(
    svgElement(
      "svg",
      { width: wide, height: base + 30, class: "arcs", role: "group", "aria-label": "Tokens" },
      ...arcs,
      ...texts,
    ),
  );
  byId("arcs").parentElement.scrollLeft = x(token) - byId("arcs").parentElement.clientWidth + 60;
  const best = tokens.slice(0, token + 1).map((_, key) => weightAt(block, head, token, key));
  const key = indexOfLargest(best);
  byId("told").textContent =
    `Head ${block}.${head}: "${nameOf(tokens[token])}" attends most to "${nameOf(tokens[key])}", ${tokens.length > 1 && key === token ? "itself" : `token ${key}`}, with ${number(best[key], 2)}.`;
}

// A map for each head, which chooses it.
function drawHeads() {
  const n = tokens.length;
  const maps = answer.attention.flatMap((weights, block) =>
    Array.from({ length: config.heads }, (_, head) => {
      const name = `${block}.${head}`;
      const canvas = element("canvas", { width: n, height: n, "aria-hidden": "true" });
      const pen = canvas.getContext("2d");
      const image = pen.createImageData(n, n);
      for (let i = 0; i < n * n; i += 1)
        image.data.set([38, 122, 204, 255 * Math.sqrt(weights[head * n * n + i])], 4 * i);
      pen.putImageData(image, 0, 0);
      const isOff = chosen.off.has(name);
      const made = button(
        isOff ? `${name} off` : name,
        () => {
          Object.assign(chosen, { block, head });
          show();
        },
        {
          class: isOff ? "head off" : "head",
          "aria-pressed": String(block === chosen.block && head === chosen.head),
          "aria-label": `${name}${isOff ? " off" : ""}: head ${head} of block ${block}`,
        },
      );
      made.prepend(canvas);
      return made;
    }),
  );
  byId("heads").style.gridTemplateColumns = `repeat(${config.heads}, minmax(64px, 96px))`;
  byId("heads").replaceChildren(...maps);
  byId("switch").textContent =
    `Switch head ${chosen.block}.${chosen.head} ${chosen.off.has(`${chosen.block}.${chosen.head}`) ? "on" : "off"}`;
}

// --- the beginning ------------------------------------------------------------------------------------------------

startTheme();
worker.postMessage({ model: { config, weights: data.weights } });
byId("text").addEventListener("input", ask);
for (const id of ["temperature", "top_k", "top_p"]) {
  const tell = () => (byId(id).previousElementSibling.textContent = byId(id).value);
  byId(id).addEventListener("input", () => {
    tell();
    show();
  });
  tell();
}
const writing = (now) => {
  isWriting = now;
  byId("go").textContent = now ? "Stop" : "Go on";
};
byId("draw").addEventListener("click", () => {
  writing(false);
  draw();
});
byId("go").addEventListener("click", () => {
  writing(!isWriting);
  if (isWriting) draw();
});
byId("switch").addEventListener("click", () => {
  const name = `${chosen.block}.${chosen.head}`;
  if (!chosen.off.delete(name)) chosen.off.add(name);
  askAgain();
});
byId("all").addEventListener("click", () => {
  chosen.off.clear();
  askAgain();
});
byId("text").value = data.text;
ask();
