/// <reference path="points.js" />
/// <reference path="tries.js" />
/// <reference path="plane.js" />
/// <reference path="cross.js" />
/// <reference path="session.js" />
/// <reference path="../../tinygrad_lecture/inspect/page/theme.js" />
// Play with a network: points in the plane, layers, a rate; what it learns, and the gradient of every weight meanwhile.

const [POINTS, MOST_LAYERS] = [200, 5];
const CHOICES = ["shape", "activation", "rate", "batch", "momentum"]; // controls
const state = { hidden: [8, 8], seed: 1, own: [], zero: false }; // own: points. zero: whether all weights began at 0
const tries = new Tries(byId("tries"));
const drawing = new PlaneNetwork(byId("network"), byId("neuron"), (layer, neurons) => {
  if (neurons >= 1 && neurons <= 64) change({ hidden: state.hidden.with(layer, neurons) });
});
const { worker: script } = JSON.parse(byId("data").textContent);
const session = new Session({ script, settings: ["rate", "batch", "momentum"], time: 30, gradients: true, onNews });
let [points, inputs, start] = [[], [], null]; // inputs: x and y of the points, as the network is given them
let news = /** @type {any} */ ({ steps: 0 }); // what the worker told last

// --- the state, which is in the link ------------------------------------------------------------------------------

function saveLink() {
  const own = state.own.map(pointText).join("");
  const parts = [...CHOICES.map((id) => `${id}=${byId(id).value}`), `hidden=${state.hidden}`, `seed=${state.seed}`];
  history.replaceState(null, "", `#${[...parts, ...(own ? [`own=${own}`] : [])].join("&")}`);
}

// Take the state of a link. Returns what of it could not be read, and changed nothing.
function readLink(text) {
  const isAsWanted = (n) => Number.isInteger(n) && n >= 1 && n <= 64;
  return [...new URLSearchParams(text)].filter(([name, value]) => {
    const neurons = value ? value.split(",").map(Number) : [];
    const isChoice = () => CHOICES.includes(name) && [...byId(name).options].some((option) => option.value === value);
    if (name === "seed" && /^\d{1,9}$/.test(value)) state.seed = Number(value);
    else if (name === "own" && POINTS_TEXT.test(value)) state.own = pointsFrom(value);
    else if (name === "hidden" && neurons.length <= MOST_LAYERS && neurons.every(isAsWanted)) state.hidden = neurons;
    else if (isChoice()) byId(name).value = value;
    else return true;
    return false;
  });
}

function change(what) {
  Object.assign(state, what);
  saveLink();
  begin();
}

// --- training -----------------------------------------------------------------------------------------------------

const sizes = () => [2, ...state.hidden, 1];

function begin(zero = false) {
  state.zero = zero;
  const draw = randomNumbers(state.seed);
  points = [...pointsOf(byId("shape").value, draw, POINTS), ...state.own];
  start = Network.random(sizes(), byId("activation").value, draw);
  if (zero) for (const layer of start.layers) layer.weight.fill(0);
  drawing.build(sizes());
  learn(start);
}

// Let a network learn the points that there are now.
function learn(network) {
  inputs = points.map(([x, y]) => Float64Array.of(x, y));
  const labels = points.map(([, , label]) => label);
  const examples = { inputs, wanted: labels.map((label) => Float64Array.of(label)) };
  session.begin(network, examples, { inputs, labels }, state.seed);
  news = { steps: 0 };
  const circles = points.map(([cx, y, label]) =>
    svgElement("circle", { cx, cy: -y, r: 0.03, class: label ? "blue" : "orange" }),
  );
  byId("points").replaceChildren(...circles);
  show();
}

function onNews(told) {
  news = told;
  show();
}

// --- what one sees ------------------------------------------------------------------------------------------------

function show() {
  const { network, costs } = session;
  const { steps, right = NaN, gradients } = news;
  drawing.show(network, byId("gradients").checked ? gradients : null);
  const answers = network.answer(...gridPoints(byId("answers").width)).at(-1);
  const shown = answers.map((a) => a - 0.5);
  paint(byId("answers"), shown, 0.5);
  session.showCosts();
  const steepest = gradients ? Math.max(...gradients.map(largest)) : 0;
  const told =
    `After ${stepsText(steps)} ${number(100 * right, 3)}% of the points are right, the cost is ` +
    `${number(costs.at(-1), 3)}, the largest gradient ${number(steepest, 2)}.`;
  const [shape, activation] = [byId("shape").value, byId("activation").value];
  const now = { shape, activation, steps, right, steepest, costs, zero: state.zero, ...session.chosen() };
  const dead = activation === "relu" ? deadNeurons() : 0;
  const seen = tries.look({ ...now, sizes: sizes(), points: points.length, dead });
  byId("said").textContent = steps ? `${told} ${troubleText(news)} ${seen}` : beginning();
}

function beginning() {
  if (!points.length) return "Put points into the square: click, or move the cross by arrow keys and press Space.";
  if (session.network !== start) return "A point more, and the weights as they were. Train, to let it learn the point.";
  return `${state.zero ? "All weights are 0." : "Random weights."} Train, or change the network first.`;
}

// Where the cross is, as a point.
const crossed = () => [2 * square.at[0] - 1, 1 - 2 * square.at[1]];

function addPoint() {
  const point = [...crossed(), Number(byId("colour").value)];
  state.own.push(point);
  points.push(point);
  saveLink();
  learn(session.network);
}

// Hidden neurons whose ReLU gives 0 for every point.
function deadNeurons() {
  const answers = session.network.answer(...inputs).slice(0, -1);
  const dead = answers.map((all, l) =>
    Array.from({ length: state.hidden[l] }, (_, i) => columnOf(all, state.hidden[l], i).every((a) => a === 0)),
  );
  return dead.flat().filter(Boolean).length;
}

// --- the beginning ------------------------------------------------------------------------------------------------

// An action, where there are points to learn from.
const ifPoints = (action) => () => {
  if (points.length > 1) action();
  else byId("said").textContent = "There are no points to learn from. Put some into the square, or choose other data.";
};

const ACTIONS = {
  train: ifPoints(() => session.toggle()),
  one: ifPoints(() => session.one()),
  anew: () => change({ seed: state.seed + 1 }),
  zero: () => begin(true),
  more: () => state.hidden.length < MOST_LAYERS && change({ hidden: [...state.hidden, 4] }),
  less: () => change({ hidden: state.hidden.slice(0, -1) }),
};

startTheme();
for (const [id, action] of Object.entries(ACTIONS)) byId(id).addEventListener("click", action);
for (const id of session.settings) byId(id).addEventListener("change", saveLink);
byId("shape").addEventListener("change", () => change({ own: [] }));
byId("activation").addEventListener("change", () => change({}));
byId("gradients").addEventListener("change", show);
const square = new Cross(byId("points"), {
  onMove: () =>
    (byId("where").textContent = `Cross at x = ${number(crossed()[0], 2)}, y = ${number(crossed()[1], 2)}.`),
  onPut: addPoint,
});
byId("points").addEventListener("click", (event) => {
  square.point(event);
  addPoint();
});
const unread = readLink(location.hash.slice(1)).map((pair) => pair.join("="));
begin();
if (unread.length) byId("said").textContent = `The link's state is broken, so this is left out: ${unread.join(", ")}.`;
