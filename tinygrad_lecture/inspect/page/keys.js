// What keys do where a mouse points: elements that are one stop of the Tab key.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }; // to the right, down
const isChoosing = ({ key }) => key === "Enter" || key === " ";

// Columns of elements as one stop of the Tab key. Arrow keys go from one to the next; Enter and Space choose one, as a
// click does. onChoose: given its column, and its place in it.
function oneStop(columns, onChoose) {
  const all = columns.flat();
  const stopAt = (one) => all.forEach((other) => (other.tabIndex = other === one ? 0 : -1));
  stopAt(all.find((one) => one.ariaPressed === "true") ?? all[0]);
  columns.forEach((column, c) =>
    column.forEach((one, i) => {
      one.addEventListener("focus", () => stopAt(one));
      one.addEventListener("click", () => onChoose(c, i));
      one.addEventListener("keydown", (event) => {
        const [right, down] = ARROWS[event.key] ?? [0, 0];
        const beside = columns[c + right] ?? column;
        const next = beside[Math.floor(((i + 0.5) * beside.length) / column.length) + down];
        if (isChoosing(event)) onChoose(c, i);
        else if (next !== one) next?.focus();
        else return;
        event.preventDefault();
      });
    }),
  );
}
