/// <reference path="network.js" />
/// <reference path="charts.js" />
// A training that one starts, pauses and follows step by step. It runs in a worker, so that the page never waits.

class Session {
  // script: the worker's. settings: names of controls that hold numbers. time: for how many milliseconds it learns before
  // it tells how far it is. gradients: whether it tells the last ones too. onNews: given what it tells.
  constructor({ script, settings, time, gradients = false, onNews }) {
    const worker = new Worker(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
    Object.assign(this, { worker, settings, time, gradients, number: 0 });
    worker.onmessage = ({ data: told }) => {
      if (told.number !== this.number) return; // of a training that was given up
      if (told.diverged) this.pause();
      this.network = new Network(told.layers);
      this.costs.push(...told.costs.filter(Number.isFinite));
      onNews(told);
      if (this.isRunning) requestAnimationFrame(() => this.run());
    };
    for (const id of settings) byId(id).addEventListener("change", () => this.tell("set", this.chosen()));
  }

  tell(what, told) {
    this.worker.postMessage({ ...told, tell: what });
  }

  chosen() {
    return Object.fromEntries(this.settings.map((id) => [id, Number(byId(id).value)]));
  }

  // A new training of a network, that waits for its first step.
  begin(network, examples, test, seed) {
    this.pause();
    Object.assign(this, { network, costs: [], number: this.number + 1 });
    this.tell("begin", { network, examples, test, settings: this.chosen(), seed, number: this.number });
  }

  toggle() {
    if (this.isRunning) return this.pause();
    this.isRunning = true;
    byId("train").textContent = "Pause";
    this.run();
  }

  one() {
    this.pause();
    this.run(0, true);
  }

  pause() {
    this.isRunning = false;
    byId("train").textContent = "Train";
  }

  run(time = this.time, gradients = this.gradients) {
    this.tell("run", { time, gradients });
  }

  showCosts() {
    const apart = Math.ceil(this.costs.length / 300); // every point of the curve, or so many that it can be drawn
    const points = this.costs.map((cost, i) => [i + 1, cost]);
    const shown = points.filter((_, i) => i % apart === 0 || i === points.length - 1);
    byId("costs").replaceChildren(curveOf(shown, "cost by step"));
  }
}

// What can be wrong with a training, the worst first.
const TROUBLES = {
  diverged:
    "The cost is no longer a number: the rate is too large. The weights are those before that step; choose a smaller rate, and go on.",
  saturated: "All outputs are saturated: the gradient is gone. Start anew with a smaller rate.",
  same: "Its answer is nearly the same, whatever it is given. If that lasts for 500 steps, start anew with a smaller rate.",
  still:
    "The cost has hardly fallen for 500 steps. If it jumps, choose a smaller rate or larger batches; if it creeps, a larger rate.",
};
const troubleText = (told) => TROUBLES[Object.keys(TROUBLES).find((name) => told[name])] ?? "";
