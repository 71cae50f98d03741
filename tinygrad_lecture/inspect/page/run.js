// The page of a training run: while it goes on, the page loads itself again.

startTheme();
const seconds = Number(document.querySelector("main")?.dataset.seconds ?? 0);
if (seconds > 0) window.setTimeout(() => location.reload(), 1000 * seconds);
