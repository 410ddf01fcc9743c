// Elements, the API, and what is said to people. Texts, senders and user names are strangers' words: everything here
// makes text nodes and attributes, and nothing parses HTML.

const $ = (id) => document.getElementById(id);

/** Makes an element; `on…` are listeners, null, undefined and false are left out. */
function el(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value != null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

/** A stranger's words in a line of ours: their direction stays theirs. */
const bdi = (text, className) => el("bdi", { class: className }, text);

/** Digits and code points, which are read from left to right whatever stands around them. */
const ltr = (text, className) => el("bdi", { class: className, dir: "ltr" }, text);

/** Parts of a line, with a dot between those that stand beside each other. */
const dots = (parts) => parts.filter((part) => part != null && part !== false).map((part) => el("span", {}, part));

/**
 * Puts nodes in place of a parent's children and leaves alone what is alike, down to single words: whoever is about to
 * click, reads or has the focus there keeps their place.
 */
function reconcile(parent, nodes) {
  nodes.forEach((next, i) => {
    const old = parent.children[i];
    if (!old) {
      parent.append(next);
      return;
    }
    // What someone opened stays open, and a button that says «Copied» goes on saying so.
    const kept = [old, next].every((node) => node.matches("details, [data-part=copy]"));
    if (kept || old.isEqualNode(next)) return;
    const sameShell = old.cloneNode(false).isEqualNode(next.cloneNode(false));
    const words = [...old.childNodes, ...next.childNodes].some((child) => child.nodeType === Node.TEXT_NODE);
    if (sameShell && !words) reconcile(old, [...next.children]);
    else old.replaceWith(next);
  });
  while (parent.childElementCount > nodes.length) parent.lastElementChild.remove();
}

const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

/** What the page is of, in words. */
const server = document.body.dataset.server;

/** The server cannot be reached, which is over when the connection is back. */
class Unreachable extends Error {}

/** Asks the API; what it refuses is an Error with its reason. */
async function ask(method, path, body) {
  const options = { method, cache: "no-store" };
  if (body !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  const reply = await fetch(path, options).catch(() => {
    throw new Unreachable(`${server} does not answer: is it still running?`);
  });
  const answer = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Error(answer.error ?? `${server} answered ${reply.status}`);
  return answer;
}

/** Says at one place what went wrong; nothing takes it back. */
function trouble(error) {
  const place = $("trouble");
  place.textContent = error?.message ?? "";
  place.hidden = !error;
}

/** What was said only because the server was away is over. */
function reachable() {
  trouble(null);
  for (const note of document.querySelectorAll("[data-unreachable]")) {
    note.textContent = "";
    delete note.dataset.unreachable;
  }
}

/** Adds what is set to a path. */
function query(path, values) {
  const set = Object.entries(values).filter(([, value]) => value !== "" && value != null);
  return set.length === 0 ? path : `${path}?${new URLSearchParams(set)}`;
}

/** For screen readers; the same words twice are heard twice. */
function say(text) {
  const place = $("announce");
  place.textContent = place.textContent === text ? `${text}\u00A0` : text;
}

/** Runs `work` once, `ms` after the first call. */
function soon(ms, work) {
  let timer = null;
  return () => {
    timer ??= setTimeout(() => {
      timer = null;
      work();
    }, ms);
  };
}

/** Only pages of this machine or under TLS have `navigator.clipboard`. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const focused = document.activeElement;
    const area = el("textarea", { class: "unseen", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused?.focus({ preventScroll: true });
    return done;
  }
}

function copyButton(text, what) {
  const label = el("span", {}, "Copy");
  const click = async () => {
    const done = await copy(text);
    label.textContent = done ? "Copied ✓" : "Select it by hand";
    say(done ? `${what} copied` : `${what} could not be copied: select it by hand`);
    setTimeout(() => { label.textContent = "Copy"; }, 2000);
  };
  return el("button", { type: "button", class: "small", "data-part": "copy", onclick: click }, label, el("span", { class: "unseen" }, ` ${what}`));
}
