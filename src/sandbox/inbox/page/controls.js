// The side: traffic, faults, accounts, settings.

/** Runs a form's work, and says below it what came of it. */
function onSubmit(form, work) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const note = form.querySelector('[role="alert"]');
    try {
      note.textContent = (await work()) ?? "";
      note.className = "";
    } catch (error) {
      note.textContent = error.message;
      note.className = "bad";
      if (error instanceof Unreachable) note.dataset.unreachable = "";
    }
  });
}

// Traffic

const SVG = "http://www.w3.org/2000/svg";
function shape(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function drawTraffic({ ceiling, seconds, swallowed }) {
  const peaks = seconds.map((second) => second.peak);
  const most = Math.max(...peaks);
  const top = Math.max(most, ceiling * 1.6) * 1.05;
  const width = 300 / seconds.length;
  const bars = peaks.flatMap((peak, i) => {
    const height = (72 * peak) / top;
    return peak === 0 ? [] : [shape("rect", { x: i * width + 0.5, y: 72 - height, width: width - 1, height, ...(peak > ceiling && { class: "over" }) })];
  });
  const level = 72 - (72 * ceiling) / top;
  $("graph").replaceChildren(...bars, shape("line", { x1: 0, x2: 300, y1: level, y2: level }));
  const label = document.querySelector(".ceiling");
  label.textContent = `${ceiling} a second`;
  label.style.top = `${(level / 72) * 4.5}rem`;
  const over = peaks.filter((peak) => peak > ceiling).length;
  const text = most === 0 ? `No requests in the last minute; the limit is ${ceiling} a second.`
    : `Last minute: ${plural(seconds.reduce((sum, second) => sum + second.requests, 0), "request")}, at most ${most} within a second`
      + (over > 0 ? `: over ${ceiling}, for which the real gateway blocks the address.` : `; the limit is ${ceiling}.`)
      + (swallowed > 0 ? ` The firewall left ${swallowed} unanswered.` : "");
  const caption = $("graph-text");
  if (caption.textContent !== text) caption.textContent = text;
  caption.className = over > 0 ? "over" : "";
}

const REQUESTS = 12;
let requests = [];
const drawRequests = soon(100, () => {
  $("requests").replaceChildren(...requests.map((request) => {
    const answer = request.code ?? request.status ?? "cut";
    const good = request.code === "OK" || (request.code == null && request.status === 200);
    return el("li", {}, el("span", {}, new Date(request.at).toLocaleTimeString()), bdi(request.endpoint),
      el("span", { class: good ? null : "bad" }, String(answer)), bdi(request.user));
  }));
});
function addRequest(request) {
  requests = [request, ...requests].slice(0, REQUESTS);
  drawRequests();
}
async function loadRequests() {
  ({ requests } = await ask("GET", `/api/requests?limit=${REQUESTS}`));
  requests.reverse();
  drawRequests();
}

// Faults

const DELAY = ["delay_ms", "on", "times", "user"];
/** What each kind is called, and which fields it has. */
const FAULTS = {
  code: ["Answer an error code", "code", "status", "accepting", ...DELAY],
  delay: ["Answer late", ...DELAY],
  drop_before_reading: ["Cut the connection before reading", ...DELAY],
  drop_after_accepting: ["Accept, then cut the connection", ...DELAY],
  truncated_body: ["Cut the answer’s body short", "keep", ...DELAY],
  html_502: ["Answer an HTML page, 502", "accepting", ...DELAY],
  reply: ["Answer something else", "status", "body", "accepting", ...DELAY],
  redirect: ["Redirect", "status", "location", "accepting", ...DELAY],
  slow_body: ["Answer bit by bit", ...DELAY],
  refuse_connection: ["Refuse the connection", ...DELAY],
  code_status: ["HTTP status of a code, from now on", "code", "status"],
};
/** Without these, a kind makes no sense. */
const NEEDED = { code: ["code"], delay: ["delay_ms"], slow_body: ["delay_ms"], redirect: ["location"], code_status: ["code", "status"] };

function label(kind) {
  return FAULTS[kind]?.[0] ?? kind;
}

const fault = $("fault");

/** The codes of the table, into whatever chooses one. */
async function loadCodes() {
  const { codes } = await ask("GET", "/api/codes");
  for (const select of document.querySelectorAll("[data-codes]")) {
    if (select.options.length >= codes.length) continue;
    select.append(...codes.map(({ code, meaning }) => el("option", { value: code }, `${code}: ${meaning}`)));
    select.value = select.dataset.codes;
  }
}

$("fault-kind").append(...Object.entries(FAULTS).map(([kind, [name]]) => el("option", { value: kind }, name)));

function fitFault() {
  const kind = fault.elements.kind.value;
  const fields = FAULTS[kind].slice(1);
  for (const place of fault.querySelectorAll("[data-field]")) {
    const name = place.dataset.field;
    place.hidden = !fields.includes(name) || (name === "user" && inbox.filter.user === "");
    for (const input of place.querySelectorAll("input, select, textarea")) {
      input.disabled = place.hidden || (input.name === "times" && fault.elements.always.checked);
      input.required = input.name === "times" || Boolean(NEEDED[kind]?.includes(input.name));
      if (input.type === "checkbox") input.required = false;
    }
  }
  $("fault-delay").min = NEEDED[kind]?.includes("delay_ms") ? 1 : 0;
  $("fault-user").textContent = inbox.filter.user;
}
$("fault-kind").addEventListener("change", fitFault);
$("fault-always").addEventListener("change", fitFault);

onSubmit(fault, async () => {
  const wanted = {};
  for (const input of fault.elements) {
    if (input.name === "" || input.disabled || input.value === "") continue;
    if (input.type === "checkbox") {
      if (input.checked) wanted[input.name] = input.name === "user" ? inbox.filter.user : true;
    } else {
      wanted[input.name] = input.type === "number" ? Number(input.value) : input.value.trim();
    }
  }
  drawFaults(await ask("POST", "/api/faults", wanted));
  return "Switched on";
});

const loadFaults = async () => drawFaults(await ask("GET", "/api/faults"));

async function switchOff(path) {
  // It may have been used up meanwhile, which is as good.
  await ask("DELETE", path).catch(() => {});
  await loadFaults();
  say("Switched off");
  $("fault-kind").focus();
}

function drawFaults({ faults, pending, code_status: statuses }) {
  const items = faults.map((fault) => {
    const parts = dots([
      fault.always ? "until switched off" : `next ${fault.times === 1 ? "request" : plural(fault.times, "request")}`,
      fault.on && `to ${fault.on}`,
      fault.status != null && `HTTP ${fault.status}`,
      fault.delay_ms > 0 && `${fault.delay_ms} ms`,
      fault.accepting && (fault.kind !== "drop_after_accepting") && "message accepted",
      fault.user != null && ["only ", bdi(fault.user)],
    ]);
    const name = fault.code ?? label(fault.kind);
    return el("li", { "data-fault": fault.id },
      el("div", {}, el("strong", {}, ltr(name)), el("div", { class: "dots" }, parts)),
      el("button", { type: "button", class: "small", onclick: () => switchOff(`/api/faults/${fault.id}`) }, "Switch off", el("span", { class: "unseen" }, ` ${name}`)));
  });
  for (const [code, status] of Object.entries(statuses)) {
    items.push(el("li", {}, el("div", {}, el("strong", {}, ltr(code)), el("div", { class: "dots" }, dots([`comes with HTTP ${status}`, "until all are switched off"])))));
  }
  reconcile($("faults"), items);
  $("faults-none").hidden = items.length > 0;
  $("faults-clear").hidden = items.length === 0;
  const active = $("faults-active");
  active.hidden = items.length === 0;
  active.replaceChildren(plural(items.length, "fault"), el("span", {}, "on"));
  active.dataset.pending = pending;
}
$("faults-clear").addEventListener("click", () => switchOff("/api/faults"));
$("faults-active").addEventListener("click", () => {
  show("controls");
  $("faults-title").scrollIntoView({ block: "center" });
  ($("faults").querySelector("button") ?? $("faults-clear")).focus();
});

// Accounts

/** So many accounts are listed; any can be named. */
const ACCOUNTS = 200;
const form = $("account-form");
/** Fields that a person has changed and not saved: news do not touch them. */
let touched = new Set();
form.addEventListener("input", (event) => {
  touched.add(event.target.name || event.target.id);
  if (event.target.id === "any-password") form.elements.password.disabled = event.target.checked;
});

async function loadAccounts() {
  const { accounts } = await ask("GET", "/api/accounts");
  const chosen = inbox.filter.user;
  drawAccounts(accounts, chosen);
  const account = accounts.find((account) => account.user === chosen);
  if (chosen !== "" && account) fillAccount(account);
}

function drawAccounts(accounts, chosen) {
  const listed = accounts.slice(0, ACCOUNTS);
  const users = ["", ...listed.map((account) => account.user)];
  if (!users.includes(chosen)) users.push(chosen);
  const select = $("account");
  // A list that someone has open is left alone.
  if (users.join("\n") !== [...select.options].map((option) => option.value).join("\n")) {
    select.replaceChildren(...users.map((user) => el("option", { value: user }, user === "" ? "All accounts" : user)));
  }
  select.value = chosen;
  reconcile($("accounts"), listed.map(({ user, balance }) => el("li", { "data-account": user }, bdi(user), el("span", {}, plural(balance, "credit")),
    el("button", { type: "button", class: "small", "data-user": user, onclick: () => choose(user) }, "Open", el("span", { class: "unseen" }, ` ${user}`)))));
  $("accounts-none").hidden = accounts.length > 0 || chosen !== "";
}

function fillAccount(account) {
  const value = { ...account, password: "" };
  for (const input of form.elements) {
    if (input.name === "" || touched.has(input.name)) continue;
    const held = value[input.name] ?? "";
    const text = Array.isArray(held) ? held.join(input.name === "coverage" ? " " : "\n") : String(held);
    // A code that the list does not have yet is shown all the same.
    if (input.tagName === "SELECT" && ![...input.options].some((option) => option.value === text)) input.append(el("option", { value: text }, text));
    if (input.value !== text) input.value = text;
  }
  if (!touched.has("any-password")) {
    $("any-password").checked = !account.password_set;
    form.elements.password.disabled = !account.password_set;
  }
  $("password-note").textContent = account.password_set ? "One is set; leave it empty to keep it." : "Any is taken.";
  $("account-queued").textContent = account.queued > 0 ? `${plural(account.queued, "number")} in the queue` : "";
}

function choose(user) {
  touched = new Set();
  form.querySelector('[role="alert"]').textContent = "";
  setFilter({ user });
  const chosen = user !== "";
  $("account-title").replaceChildren(chosen ? "Account " : "Accounts", chosen ? bdi(user) : "");
  form.hidden = !chosen;
  for (const id of ["accounts", "new-account"]) $(id).hidden = chosen;
  fitFault();
  loadAccounts().catch(() => {});
  if (chosen && document.activeElement?.dataset?.user !== undefined) $("account-back").focus();
}
$("account").addEventListener("change", (event) => choose(event.currentTarget.value));
$("account-back").addEventListener("click", () => choose(""));

onSubmit($("new-account"), async () => {
  const { user } = await ask("PUT", "/api/account", { user: $("new-user").value });
  $("new-user").value = "";
  choose(user);
  $("account-back").focus();
});

onSubmit(form, async () => {
  const changes = { user: inbox.filter.user };
  for (const input of form.elements) {
    if (!touched.has(input.name) || input.name === "" || input.name === "password") continue;
    const text = input.value.trim();
    if (input.type === "number") changes[input.name] = Number(text);
    else if (input.name === "blocked") changes.blocked = text === "" ? null : text;
    else changes[input.name] = text.split(input.name === "coverage" ? /[\s,]+/ : "\n").map((line) => line.trim()).filter(Boolean);
  }
  if ($("any-password").checked) {
    if (touched.has("any-password")) changes.password = null;
  } else if (form.elements.password.value !== "") {
    changes.password = form.elements.password.value;
  } else if (touched.has("any-password")) {
    throw new Error("give the password to ask for, or take any");
  }
  const account = await ask("PUT", "/api/account", changes);
  touched = new Set();
  fillAccount(account);
  return "Saved";
});

// Settings

const settings = $("settings");
function fillSettings(values) {
  for (const [name, value] of Object.entries(values)) {
    const input = settings.elements[name];
    if (input.type === "checkbox") input.checked = value;
    else input.value = value;
  }
}
const loadSettings = async () => fillSettings(await ask("GET", "/api/settings"));
onSubmit(settings, async () => {
  const inputs = [...settings.elements].filter((input) => input.name !== "");
  const values = Object.fromEntries(inputs.map((input) => [input.name, input.type === "checkbox" ? input.checked : Number(input.value)]));
  fillSettings(await ask("PUT", "/api/settings", values));
  return "Saved";
});
