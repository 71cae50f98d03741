/// <reference path="plane.js" />
// The first figure of neuron.html: a neuron with two weights and a bias to drag.

function show() {
  const [w1, w2, b] = ["w1", "w2", "b"].map((id) => Number(byId(id).value));
  tellSliders(byId("figure"));
  const numbers = gridPoints(60).map(([x, y]) => sigmoid(w1 * x + w2 * y + b) - 0.5);
  paint(byId("answers"), numbers, 0.5);
  const z = w1 * 0.8 + w2 * 0.3 + b;
  byId("fires").textContent =
    `For sunshine 0.8 and wind 0.3: z = ${number(w1)} · 0.8 + ${factor(w2)} · 0.3 + ${factor(b)} = ${number(z)}, so a = sigmoid(z) = ${number(sigmoid(z), 3)}: it ${sigmoid(z) >= 0.5 ? "fires" : "does not fire"}.`;
}

for (const id of ["w1", "w2", "b"]) byId(id).addEventListener("input", show);
show();
