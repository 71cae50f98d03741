/// <reference path="charts.js" />
/// <reference path="learner.js" />
/// <reference path="loading.js" />
/// <reference path="../../tinygrad_lecture/inspect/page/attention.js" />
/// <reference path="../../tinygrad_lecture/inspect/page/theme.js" />
// A GPT that learns names: the training, what it writes, the next letter, and one step opened. Python is in a worker, which
// is asked for a little at a time, so that one can pause.

const { addresses } = JSON.parse(byId("data").textContent);
const python = loading(addresses, "names");
const learner = new Learner({}, () => {}); // what one wrote on course.html
const ENGINE = ["2.2", "2.3", "2.4", "2.5"]; // the exercises that make an engine
const SECONDS = 0.2; // of the training, until the page shows how far it is
const MEAN_OF = 50; // losses, for a point of the curve
let [losses, steps, end] = [[], 0, 0]; // end: the step at which the training pauses
let [running, isAsking] = [null, false]; // running: a promise while it learns
let begun; // a promise of a model

/** What Python answers about the model, once there is one. */
async function ask(what, request = {}, seconds = Infinity) {
  await begun;
  return python.ask(`names.${what}`, request, seconds);
}

function anew(seed) {
  begun = begin(seed);
  begun.then(askForLetters, () => {}); // if Python does not come, the page says why
}

async function begin(seed) {
  ({ steps } = await python.ask("names.begin", { seed }));
  losses = [];
  fill(byId("written"));
  show();
}

// --- the training -------------------------------------------------------------------------------------------------

/** So many steps more. Promises the loss, the mean of the last names. */
async function train(count) {
  await begun;
  end = Math.min(losses.length + count, steps);
  running ??= run();
  await running;
  return mean();
}

async function run() {
  byId("train").textContent = "Pause";
  while (losses.length < end) {
    const told = await ask("train", { steps: end - losses.length, seconds: SECONDS });
    losses.push(...told.losses);
    if (told.written.length) write(told.written);
    show();
  }
  byId("train").textContent = "Train";
  running = null;
  await askForLetters();
}

const pause = () => (end = 0);

const mean = (count = losses.length) => {
  const last = losses.slice(Math.max(0, count - MEAN_OF), count);
  return last.reduce((sum, loss) => sum + loss, 0) / last.length;
};

function write(names) {
  const told = names.map((name) => name || "∅").join(", ");
  byId("written").prepend(element("dt", {}, losses.length.toLocaleString("en")), element("dd", {}, told));
}

function show() {
  const apart = Math.ceil(losses.length / 200);
  const points = losses.map((_, i) => [i + 1, mean(i + 1)]).filter((_, i) => (i + 1) % apart === 0);
  fill(byId("losses"), curveOf(points, "loss by step", 3.6, 2));
  const now = losses.length ? ` Loss ${mean().toFixed(3)}.` : "";
  const over = losses.length === steps ? " The learning rate has fallen to 0, so it learns no more." : "";
  byId("said").textContent = `${stepsText(losses.length)} of ${steps.toLocaleString("en")}.${now}${over}`;
}

// --- the next letter ----------------------------------------------------------------------------------------------

/** Ask for the letters that are in the field now; while an answer is on its way, once more when it is there. */
async function askForLetters() {
  if (isAsking) return;
  isAsking = true;
  let asked, told;
  do {
    asked = known();
    told = await ask("letters", { begin: asked });
  } while (asked !== known());
  isAsking = false;
  const letters = told.letters.slice(0, 8);
  const name = (i) => (letters[i][0] === "." ? "the end" : letters[i][0]);
  const numbers = letters.map(([, p]) => p);
  fill(byId("next"), h3("The next letter"), bars(numbers, name));
  fill(byId("heads"), attentionMaps(told.attention, told.tokens));
}

function known() {
  const typed = byId("begin").value.toLowerCase();
  const unknown = [...new Set(typed.replace(/[a-z]/g, ""))].map(shownToken);
  byId("unknown").textContent = unknown.length ? `It knows the letters a to z, and skips ${unknown.join(" ")}.` : "";
  return typed.replace(/[^a-z]/g, "");
}

// --- one step -----------------------------------------------------------------------------------------------------

async function open() {
  const { html } = await ask("opened");
  Object.assign(byId("step"), { srcdoc: html, hidden: false });
  byId("step").scrollIntoView();
}

async function compare() {
  byId("compared").textContent = "It computes ...";
  const { passed = {} } = learner.progress;
  const own = ENGINE.every((name) => name in passed) ? learner.files : {};
  const told = await ask("scalar", { own }, 60);
  if (told === null) {
    byId("compared").textContent =
      "Your engine did not end within a minute. It was ended, so the training begins anew.";
    return anew(0);
  }
  const { name, loss, seconds } = told;
  const [arrays, numbers] = seconds.map((s) => `${number(1000 * s, 2)} ms`);
  const whose = told.own ? "your own engine" : "the engine";
  const [one, other] = loss.map((x) => x.toFixed(5));
  byId("compared").textContent =
    `Loss and gradients of "${name}": ${arrays} with arrays, ${numbers} one number at a time, by ${whose} of chapter 2. ` +
    `That is ${Math.round(seconds[1] / seconds[0])} times as long. Both found the loss ${one === other ? one : loss.join(" and ")}.`;
}

// --- the beginning ------------------------------------------------------------------------------------------------

startTheme();
anew(0);
byId("train").onclick = () => (running ? pause() : train(Infinity));
byId("one").onclick = () => (running ? pause() : train(1));
byId("anew").onclick = () => {
  pause();
  anew(Math.floor(1e6 * Math.random()));
};
byId("begin").addEventListener("input", askForLetters);
byId("open").onclick = open;
byId("scalar").onclick = compare;

globalThis.names = { train };
