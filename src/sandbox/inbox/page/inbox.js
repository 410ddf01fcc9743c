// The list: newest first, bounded, filtered as one types.

/** So many messages are shown at first, and so many more each time. */
const STEP = 100;
/** A state never goes back, whatever order news comes in. */
const RANK = { queued: 0, stuck: 0, sent: 1, delivered: 2, deleted: 3 };

const list = $("messages");
const inbox = {
  /** seq → { message, node }: what is in the list. */
  shown: new Map(),
  filter: { user: "", q: "" },
  limit: STEP,
  matched: 0,
  remembered: 0,
  forgotten: 0,
  loading: 0,
  underWay: false,
  loaded: false,
  /** News that have not been put into the list. */
  news: [],
};

/** As the API's `q` does. A number may be typed as people write it. */
function typed(text) {
  const trimmed = text.trim();
  return /^(\+|00)[\d\s()-]+$/.test(trimmed) ? trimmed.replace(/\D/g, "").replace(/^00/, "") : trimmed;
}

function matches(message, { user, q }) {
  if (user !== "" && message.user !== user) return false;
  const words = q.toLowerCase();
  const fields = [message.text, message.sender_asked, message.sender, message.user, message.id, ...message.to];
  return words === "" || fields.some((field) => field.includes(words) || field.toLowerCase().includes(words));
}

/** Fetches what there is; a later load makes an earlier one void. */
async function load() {
  const turn = ++inbox.loading;
  inbox.underWay = true;
  try {
    const answer = await ask("GET", query("/api/messages", { ...inbox.filter, limit: inbox.limit }));
    if (turn !== inbox.loading) return;
    inbox.underWay = false;
    inbox.loaded = true;
    ({ matched: inbox.matched, remembered: inbox.remembered, forgotten: inbox.forgotten } = answer);
    const present = new Set(answer.messages.map((message) => message.seq));
    for (const [seq, { node }] of inbox.shown) {
      if (!present.has(seq)) {
        node.remove();
        inbox.shown.delete(seq);
      }
    }
    // Whole again: the sandbox may be a new one, in which the same place holds another message.
    for (const message of answer.messages) {
      const old = inbox.shown.get(message.seq);
      put(message, { always: old?.message.id !== message.id });
    }
    tell();
    takeNews();
  } catch (error) {
    if (turn !== inbox.loading) return;
    inbox.underWay = false;
    $("count").textContent = error.message;
    loadAgain();
  }
}
const loadAgain = soon(2000, () => load());

/** Puts a message into the list or in place of its older self. */
function put(message, { always = false, fresh = false } = {}) {
  const old = inbox.shown.get(message.seq);
  if (old && !always) {
    const back = RANK[message.state] < RANK[old.message.state];
    if (back || JSON.stringify(message) === JSON.stringify(old.message)) return;
  }
  const node = item(message);
  inbox.shown.set(message.seq, { message, node: old && !always ? old.node : node });
  if (old) {
    if (always) old.node.replaceWith(node);
    else renew(old.node, node);
    return;
  }
  if (fresh) node.classList.add("new");
  let next = list.firstElementChild;
  while (next && Number(next.dataset.seq) > message.seq) next = next.nextElementSibling;
  list.insertBefore(node, next);
}

/** Changes what changed, in a message that someone may be reading. */
function renew(old, node) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  old.dataset.state = node.dataset.state;
  reconcile(old.firstElementChild, [...node.firstElementChild.children]);
  const details = old.querySelector("details");
  if (details.open) details.dispatchEvent(new Event("toggle"));
  // The button to delete it is gone once that is done.
  if (focused && !focused.isConnected) details.firstElementChild.focus({ preventScroll: true });
}

const takeNews = soon(40, () => {
  // What comes while a load is under way is put on top of it: the load may not know of it yet.
  if (!inbox.loaded || inbox.underWay) return;
  const news = new Map();
  for (const message of inbox.news.splice(0)) {
    const known = news.get(message.seq);
    if (!known || RANK[message.state] >= RANK[known.state]) news.set(message.seq, message);
  }
  const fresh = [];
  for (const message of news.values()) {
    if (inbox.shown.has(message.seq)) put(message);
    else if (matches(message, inbox.filter) && message.seq > newestShown()) fresh.push(message);
  }
  inbox.matched += fresh.length;
  inbox.remembered += fresh.length;
  fresh.sort((a, b) => a.seq - b.seq);
  for (const message of fresh.slice(-inbox.limit)) put(message, { fresh: true });
  while (list.childElementCount > inbox.limit) {
    const last = list.lastElementChild;
    inbox.shown.delete(Number(last.dataset.seq));
    last.remove();
  }
  tell();
  announce(fresh);
});

function newestShown() {
  const first = list.firstElementChild;
  return first ? Number(first.dataset.seq) : 0;
}

function announce(fresh) {
  const newest = fresh.at(-1);
  if (!newest) return;
  const code = newest.otp ? `, code ${newest.otp}` : "";
  say(fresh.length > 1 ? `${fresh.length} new messages` : `New message from ${newest.sender} to ${newest.to[0]}${code}`);
}

/** How many there are, and what to do if there are none. */
function tell() {
  const { filter, matched, remembered, forgotten, shown, loaded } = inbox;
  const filtered = filter.user !== "" || filter.q !== "";
  const parts = [];
  if (filtered) parts.push(`${matched.toLocaleString("en")} of ${plural(remembered, "message")}`);
  else if (remembered > 0) parts.push(plural(remembered, "message"));
  if (shown.size < matched) parts.push(`the newest ${shown.size} shown`);
  if (forgotten > 0) parts.push(`${plural(forgotten, "older one")} dropped, as the history is bounded`);
  $("count").textContent = parts.join(" · ");
  $("more").hidden = shown.size >= matched || shown.size === 0;
  $("more").textContent = `Show ${Math.min(STEP, matched - shown.size)} older`;
  $("start").hidden = !loaded || shown.size > 0 || remembered > 0;
  $("nothing").hidden = !loaded || shown.size > 0 || remembered === 0;
  $("clear").disabled = matched === 0;
}

function setFilter(change) {
  Object.assign(inbox.filter, change);
  inbox.limit = STEP;
  for (const kind of ["json", "csv"]) $(`export-${kind}`).href = query(`/api/messages.${kind}`, inbox.filter);
  return load();
}

const search = soon(120, async () => {
  const q = typed($("search").value);
  if (q === inbox.filter.q) return;
  await setFilter({ q });
  say(q === "" ? "All messages" : `${plural(inbox.matched, "message")} found`);
});
$("search").addEventListener("input", search);
$("search").addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    event.currentTarget.value = "";
    search();
  }
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, select, textarea, dialog");
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing) return;
  event.preventDefault();
  show("messages");
  $("search").focus();
  $("search").select();
});

$("all").addEventListener("click", () => {
  $("search").value = "";
  $("account").value = "";
  $("account").dispatchEvent(new Event("change"));
  setFilter({ q: "", user: "" });
  $("search").focus();
});

$("more").addEventListener("click", async () => {
  const last = list.lastElementChild;
  inbox.limit += STEP;
  await load();
  // The next one to read has the focus, not the top of the page.
  last?.nextElementSibling?.querySelector("summary")?.focus({ preventScroll: true });
});

$("clear").addEventListener("click", () => {
  const { matched, filter } = inbox;
  const which = filter.user !== "" || filter.q !== "" ? `the ${plural(matched, "message")} that match` : `all ${plural(matched, "message")}`;
  $("confirm-title").textContent = `Take ${which} out of the inbox?`;
  $("confirm").returnValue = "";
  $("confirm").showModal();
});
$("confirm").addEventListener("close", async () => {
  if ($("confirm").returnValue !== "yes") return;
  try {
    const { deleted } = await ask("DELETE", query("/api/messages", inbox.filter));
    await load();
    say(`${plural(deleted, "message")} cleared`);
  } catch (error) {
    $("count").textContent = error.message;
  }
});

/** On a narrow screen, the messages or the controls. */
function show(view) {
  document.body.dataset.view = view;
  for (const button of document.querySelectorAll("[data-show]")) {
    button.setAttribute("aria-pressed", String(button.dataset.show === view));
  }
}
for (const button of document.querySelectorAll("[data-show]")) {
  button.addEventListener("click", () => show(button.dataset.show));
}

function start() {
  const url = `${location.origin}/API/`;
  const body = '{"username":"demo","password":"any","sender":"KWT-SMS","mobile":"96598765432","message":"Your OTP for MYAPP is: 123456"}';
  const snippets = {
    "start-url": ["base URL", url],
    "start-curl": ["curl line", `curl ${url}send/ -H 'Content-Type: application/json' -H 'Accept: application/json' -d '${body}'`],
    "start-rust": ["Rust line", `let client = Client::builder("demo", "any").base_url("${url}").build()?;\nclient.send("96598765432", "Your OTP for MYAPP is: 123456").await?;`],
  };
  for (const [id, [what, text]] of Object.entries(snippets)) {
    $(id).textContent = text;
    $(id).after(copyButton(text, what));
  }
}
start();
