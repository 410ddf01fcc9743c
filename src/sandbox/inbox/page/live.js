// News from the sandbox, as long as it runs and whenever it comes back.

const ignore = () => {};
const refreshControls = soon(250, () => {
  loadAccounts().catch(ignore);
  loadFaults().catch(ignore);
});

function connection(state, words) {
  const place = $("connection");
  if (place.dataset.state === state) return;
  place.dataset.state = state;
  place.textContent = words;
}

function listen() {
  const events = new EventSource("/api/events");
  const on = (name, work) => events.addEventListener(name, (event) => work(JSON.parse(event.data)));
  const news = (entry) => {
    inbox.news.push(entry);
    takeNews();
  };
  on("reset", () => {
    connection("live", "Live");
    reachable();
    load();
    loadSettings().catch(ignore);
    loadRequests().catch(ignore);
    loadCodes().catch(ignore);
    refreshControls();
  });
  on("message", news);
  on("changed", (message) => {
    news(message);
    refreshControls();
  });
  on("cleared", load);
  on("request", (request) => {
    addRequest(request);
    if (request.refused) news(request);
    refreshControls();
  });
  on("stats", (stats) => {
    drawTraffic(stats);
    const { remembered, forgotten, pending_faults: pending } = stats;
    if (inbox.loaded && (remembered !== inbox.remembered || forgotten !== inbox.forgotten)) {
      Object.assign(inbox, { remembered, forgotten });
      if (inbox.filter.user === "" && inbox.filter.q === "") inbox.matched.messages = remembered;
      tell();
    }
    // Faults come and go by the API too.
    if (String(pending) !== $("faults-active").dataset.pending) loadFaults().catch(ignore);
  });
  events.addEventListener("error", () => {
    connection("lost", "Not connected: waiting for the sandbox");
    // The browser comes back by itself, but not after an answer that was no stream.
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  });
}

fitFault();
recall();
listen();
