// A service worker: what a page has loaded once is there without a network, too.

const KEPT = "site";

const worker = /** @type {any} */ (self); // a service worker's, which tsc does not know here

worker.addEventListener("install", () => worker.skipWaiting());
worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && request.url.startsWith("http")) event.respondWith(found(request));
});

/** Files whose names have a version never change; of others the newest is wanted, or without a network the kept one. */
async function found(request) {
  const cache = await caches.open(KEPT);
  const kept = await cache.match(request);
  if (kept && /@|course-|\/vendor\/|\.whl/.test(request.url)) return kept;
  try {
    const answer = await fetch(request);
    if (answer.ok) keep(cache, request, answer.clone()).catch(() => {}); // no room is left
    return answer;
  } catch (error) {
    if (kept) return kept;
    throw error;
  }
}

/** Keep an answer, and of the course one version. */
async function keep(cache, request, answer) {
  const versions = /course-\w+\.zip/;
  if (versions.test(request.url))
    for (const old of await cache.keys()) if (versions.test(old.url)) await cache.delete(old);
  await cache.put(request, answer);
}
