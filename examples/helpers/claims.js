/// <reference path="../../tinygrad_lecture/inspect/page/theme.js" />
// The page of claims: which of them are shown, by their verdict and by a word.

startTheme();
const shown = { verdict: "", word: "" };

function show() {
  for (const claim of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".claim"))) {
    const found = claim.textContent.toLowerCase().includes(shown.word.toLowerCase());
    claim.hidden = !(found && (!shown.verdict || claim.dataset.verdict === shown.verdict));
  }
  for (const section of document.querySelectorAll("section")) {
    section.hidden = !section.querySelector(".claim:not([hidden])");
  }
  const left = document.querySelectorAll(".claim:not([hidden])").length;
  byId("left").textContent = left === 1 ? "1 claim" : `${left} claims`;
}

byId("word").addEventListener("input", () => {
  shown.word = byId("word").value;
  show();
});
byId("verdict").addEventListener("change", () => {
  shown.verdict = byId("verdict").value;
  show();
});
show();
