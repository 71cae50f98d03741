/// <reference path="../../tinygrad_lecture/inspect/page/elements.js" />
/// <reference path="python.js" />
// Python on its way: how much has come, or why it does not come. The page has a paragraph "loading" for it.

const MEGABYTE = 2 ** 20;

/** Python with a module of examples/tab. */
function loading(addresses, module) {
  const place = byId("loading");
  const bar = element("progress", { max: addresses.bytes, value: 0, "aria-label": "Python is loaded" });
  const words = element("span");
  fill(place, bar, " ", words);
  const python = new Python(addresses, module, ({ loading, bytes }) => {
    bar.value = bytes;
    words.textContent = `${loading}: ${(bytes / MEGABYTE).toFixed(1)} of ${(addresses.bytes / MEGABYTE).toFixed(1)} MB`;
  });
  python.ready.then(
    () => (place.hidden = true),
    ({ message }) => (place.textContent = message),
  );
  return python;
}
