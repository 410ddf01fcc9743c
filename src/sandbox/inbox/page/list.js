// The list: messages and refused requests, newest first, bounded, filtered as one types.

/** So many items are shown at first, and so many more each time. */
const STEP = 100;
/** A state never goes back, whatever order news comes in. */
const RANK = { queued: 0, stuck: 0, sent: 1, delivered: 2, deleted: 3 };

const list = $("messages");
const inbox = {
  /** key → { entry, node }: what is in the list. */
  shown: new Map(),
  filter: { user: "", q: "" },
  /** "messages", "refused", or both. */
  kind: "",
  limit: STEP,
  /** How many match, listed or not. */
  matched: { messages: 0, refused: 0 },
  remembered: 0,
  forgotten: 0,
  loading: 0,
  underWay: false,
  loaded: false,
  /** News that have not been put into the list. */
  news: [],
  /** The newest of each that a load or the news told of: what is older and not shown is not new. */
  known: { messages: 0, refused: 0 },
};

const isMessage = (entry) => entry.seq !== undefined;
const kindOf = (entry) => (isMessage(entry) ? "messages" : "refused");
/** An entry's place in the list, which is that of its request. */
const place = (entry) => (isMessage(entry) ? entry.request_number : entry.number);
/** What is the same entry, whatever became of it; another sandbox's is another. */
const key = (entry) => (isMessage(entry) ? `message ${entry.id}` : `request ${entry.number} ${entry.at}`);
const item = (entry) => (isMessage(entry) ? messageItem(entry) : requestItem(entry));
const wants = (kind) => inbox.kind === "" || inbox.kind === kind;

/** As the API's `q` does. A number may be typed as people write it. */
function typed(text) {
  const trimmed = text.trim();
  return /^(\+|00)[\d\s()-]+$/.test(trimmed) ? trimmed.replace(/\D/g, "").replace(/^00/, "") : trimmed;
}

/** As the API does: an id only as a whole, since a piece of it is found in others by chance. */
function matches(entry, { user, q }) {
  if (user !== "" && entry.user !== user) return false;
  const words = q.toLowerCase();
  const fields = isMessage(entry) ? [entry.sender] : [entry.endpoint, entry.code ?? ""];
  fields.push(entry.text ?? "", entry.sender_asked ?? "", entry.user, ...entry.to);
  return words === "" || entry.id === words || fields.some((field) => field.includes(words) || field.toLowerCase().includes(words));
}

/** Fetches what there is; a later load makes an earlier one void. */
async function load() {
  const turn = ++inbox.loading;
  inbox.underWay = true;
  const limit = (kind) => ({ ...inbox.filter, limit: wants(kind) ? inbox.limit : 0 });
  try {
    const [messages, refused] = await Promise.all([
      ask("GET", query("/api/messages", limit("messages"))),
      ask("GET", query("/api/requests", { ...limit("refused"), refused: true })),
    ]);
    if (turn !== inbox.loading) return;
    inbox.underWay = false;
    inbox.loaded = true;
    inbox.matched = { messages: messages.matched, refused: refused.matched };
    ({ remembered: inbox.remembered, forgotten: inbox.forgotten } = messages);
    inbox.known = { messages: messages.last, refused: refused.last };
    const entries = [...messages.messages, ...refused.requests].sort((a, b) => place(b) - place(a)).slice(0, inbox.limit);
    const present = new Set(entries.map(key));
    for (const [shown, { node }] of inbox.shown) {
      if (!present.has(shown)) {
        node.remove();
        inbox.shown.delete(shown);
      }
    }
    entries.forEach((entry) => put(entry));
    reachable();
    tell();
    takeNews();
  } catch (error) {
    if (turn !== inbox.loading) return;
    inbox.underWay = false;
    trouble(error);
    loadAgain();
  }
}
const loadAgain = soon(2000, () => load());

/** Puts an entry into the list or in place of its older self. */
function put(entry, { fresh = false } = {}) {
  const old = inbox.shown.get(key(entry));
  if (old) {
    const back = isMessage(entry) && RANK[entry.state] < RANK[old.entry.state];
    if (back || JSON.stringify(entry) === JSON.stringify(old.entry)) return;
    old.entry = entry;
    renew(old.node, item(entry));
    return;
  }
  const node = item(entry);
  inbox.shown.set(key(entry), { entry, node });
  if (fresh) node.classList.add("new");
  let next = list.firstElementChild;
  while (next && place(inbox.shown.get(next.dataset.key).entry) > place(entry)) next = next.nextElementSibling;
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
  for (const entry of inbox.news.splice(0)) {
    const known = news.get(key(entry));
    if (!known || RANK[entry.state] >= RANK[known.state]) news.set(key(entry), entry);
  }
  const fresh = [];
  for (const entry of [...news.values()].sort((a, b) => place(a) - place(b))) {
    const order = isMessage(entry) ? entry.seq : entry.number;
    const isNew = order > inbox.known[kindOf(entry)];
    if (isNew) inbox.known[kindOf(entry)] = order;
    if (inbox.shown.has(key(entry))) put(entry);
    else if (isNew && matches(entry, inbox.filter)) fresh.push(entry);
  }
  for (const entry of fresh) {
    inbox.matched[kindOf(entry)] += 1;
    inbox.remembered += isMessage(entry) ? 1 : 0;
  }
  const wanted = fresh.filter((entry) => wants(kindOf(entry)));
  for (const entry of wanted.slice(-inbox.limit)) put(entry, { fresh: true });
  while (list.childElementCount > inbox.limit) {
    const last = list.lastElementChild;
    inbox.shown.delete(last.dataset.key);
    last.remove();
  }
  tell();
  announce(wanted);
});

function announce(fresh) {
  const newest = fresh.at(-1);
  if (!newest) return;
  if (fresh.length > 1) say(`${fresh.length} new`);
  else if (!isMessage(newest)) say(`Refused: ${newest.endpoint} ${newest.code ?? ""}`);
  else say(`New message from ${newest.sender} to ${newest.to[0]}${newest.otp ? `, code ${newest.otp}` : ""}`);
}

/** How many there are, and what to do if there are none. */
function tell() {
  const { filter, kind, matched, remembered, forgotten, shown, loaded } = inbox;
  const filtered = filter.user !== "" || filter.q !== "";
  const count = (wants("messages") ? matched.messages : 0) + (wants("refused") ? matched.refused : 0);
  for (const [kind, number] of Object.entries(matched)) $(`matched-${kind}`).textContent = ` ${number.toLocaleString("en")}`;
  $("count").replaceChildren(...dots([
    filtered && wants("messages") ? `${matched.messages.toLocaleString("en")} of ${plural(remembered, "message")}`
      : wants("messages") && matched.messages > 0 && plural(matched.messages, "message"),
    wants("refused") && matched.refused > 0 && `${matched.refused.toLocaleString("en")} refused`,
    shown.size < count && `the newest ${shown.size} shown`,
    forgotten > 0 && `${plural(forgotten, "older one")} dropped, as the history is bounded`,
  ]));
  $("more").hidden = shown.size >= count || shown.size === 0;
  $("more").textContent = `Show ${Math.min(STEP, count - shown.size)} older`;
  const none = loaded && shown.size === 0;
  const all = !filtered && kind === "";
  $("start").hidden = !none || !all;
  $("nothing").hidden = !none || all;
  $("clear").disabled = count === 0;
}
