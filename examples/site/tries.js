/// <reference path="charts.js" />
// Five things to try, each a claim of the lecture, and when it has happened. told: what the page knows now.

/** @type {[string, string, (told: any) => boolean][]} */
const TRIES = [
  [
    "A rate that is too large oscillates",
    "Find a learning rate at which the cost goes up and down. First set points per step to all: with small batches the cost always jumps a little.",
    ({ costs, batch, points }) => {
      const last = costs.slice(-40);
      const rises = last.filter((cost, i) => i && cost > last[i - 1]).length;
      return batch >= points && last.length === 40 && rises > 10 && last[39] > 0.5 * last[0];
    },
  ],
  [
    "Without activations XOR is not learnt",
    "Choose XOR and no activation, and train for 500 steps, with as many layers as you like.",
    ({ shape, activation, steps, right }) => shape === "xor" && activation === "linear" && steps >= 500 && right < 0.8,
  ],
  [
    "A ReLU can be dead",
    "Choose ReLU and a large rate. A dead neuron answers 0 for every point, so its gradient is 0, and it never learns again.",
    ({ activation, dead, steps, rate }) => activation === "relu" && dead > 0 && steps > 0 && rate >= 1,
  ],
  [
    "A saddle: the gradient is nearly 0, and nothing is learnt",
    "Set points per step to all. Start with all weights at 0, and train. Then start anew: random weights leave it at once.",
    ({ zero, steps, steepest, right }) => zero && steps >= 50 && steepest < 1e-3 && right < 0.8,
  ],
  [
    "One hidden layer fits any curve, with enough neurons",
    "The spiral, ReLU, rate 0.3, momentum 0.9, and one hidden layer: with 3, with 8 and with 64 neurons. With 3 it cannot; how many does it take to be right for 95%?",
    ({ shape, sizes, right }) => shape === "spiral" && sizes.length === 3 && right > 0.95,
  ],
];

// The list of them; those that have happened are marked, once and for all.
class Tries {
  constructor(list) {
    this.items = TRIES.map(([claim, how]) =>
      element("li", {}, element("strong", {}, claim), `. ${how} `, element("span", { role: "status" })),
    );
    list.replaceChildren(...this.items);
  }

  // Which of them have been seen, in a sentence.
  look(told) {
    TRIES.forEach(([, , happened], i) => {
      if (this.items[i].className || !happened(told)) return;
      this.items[i].className = "seen";
      this.items[i].lastChild.textContent = `Seen, after ${stepsText(told.steps)}, with a rate of ${told.rate}.`;
    });
    const seen = this.items.flatMap(({ className }, i) => (className ? [i + 1] : []));
    return seen.length ? `Of the five claims to try you have seen number ${seen.join(", ")}.` : "";
  }
}
