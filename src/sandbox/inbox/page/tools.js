// What stands above the list: search, what is shown, exports, clearing; and the views of a narrow screen.

function setFilter(change) {
  const { kind = inbox.kind, ...filter } = change;
  Object.assign(inbox.filter, filter);
  inbox.kind = kind;
  inbox.limit = STEP;
  for (const button of document.querySelectorAll("[data-kind]")) {
    button.setAttribute("aria-pressed", String(button.dataset.kind === kind));
  }
  const [json, csv] = [$("export-json"), $("export-csv")];
  const refused = kind === "refused";
  json.href = refused ? query("/api/requests", { ...inbox.filter, refused: true, limit: 10000 }) : query("/api/messages.json", inbox.filter);
  json.download = refused ? "requests.json" : "";
  csv.href = query("/api/messages.csv", inbox.filter);
  csv.hidden = refused;
  remember();
  return load();
}

/** What is looked at has an address, which can be reloaded, kept and handed on. */
function remember() {
  const parts = Object.entries({ kind: inbox.kind, ...inbox.filter }).filter(([, value]) => value !== "");
  history.replaceState(null, "", parts.length === 0 ? location.pathname : `#${new URLSearchParams(parts)}`);
}

/** Takes up what the address says, if it says something about the list. */
function recall() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const [user, q, kind] = ["user", "q", "kind"].map((name) => asked.get(name) ?? "");
  if (user === "" && q === "" && kind === "") return;
  $("search").value = q;
  setFilter({ q, kind: ["messages", "refused"].includes(kind) ? kind : "" });
  if (user !== "") choose(user);
}
window.addEventListener("hashchange", recall);

const search = soon(120, async () => {
  const q = typed($("search").value);
  if (q === inbox.filter.q) return;
  await setFilter({ q });
  const { messages, refused } = inbox.matched;
  say(q === "" ? "Everything" : `${plural(messages, "message")} found${refused > 0 ? `, and ${refused} refused` : ""}`);
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

for (const button of document.querySelectorAll("[data-kind]")) {
  button.addEventListener("click", () => setFilter({ kind: button.dataset.kind }));
}

$("all").addEventListener("click", () => {
  $("search").value = "";
  $("account").value = "";
  $("account").dispatchEvent(new Event("change"));
  setFilter({ q: "", user: "", kind: "" });
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
  const parts = [
    wants("messages") && matched.messages > 0 && plural(matched.messages, "message"),
    wants("refused") && matched.refused > 0 && plural(matched.refused, "refused request"),
  ].filter(Boolean).join(" and ");
  const which = filter.user !== "" || filter.q !== "" ? `the ${parts} that match` : `all ${parts}`;
  $("confirm-title").textContent = `Take ${which} out of the inbox?`;
  $("confirm").returnValue = "";
  $("confirm").showModal();
});
$("confirm").addEventListener("close", async () => {
  if ($("confirm").returnValue !== "yes") return;
  try {
    const cleared = await Promise.all([
      wants("messages") && ask("DELETE", query("/api/messages", inbox.filter)),
      wants("refused") && ask("DELETE", query("/api/requests", { ...inbox.filter, refused: true })),
    ]);
    await load();
    say(`${cleared.reduce((sum, part) => sum + (part ? part.deleted : 0), 0)} cleared`);
  } catch (error) {
    trouble(error);
  }
});

const narrow = matchMedia("(max-width: 60rem)");

/** On a narrow screen, the messages or the controls; then these are what the page is about. */
function show(view) {
  document.body.dataset.view = view;
  for (const button of document.querySelectorAll("[data-show]")) {
    button.setAttribute("aria-pressed", String(button.dataset.show === view));
  }
  const controls = narrow.matches && view === "controls";
  $("skip").href = controls ? "#controls" : "#messages";
  $("skip").textContent = controls ? "Skip to the controls" : "Skip to the messages";
  $("controls").setAttribute("role", controls ? "main" : "complementary");
}
for (const button of document.querySelectorAll("[data-show]")) {
  button.addEventListener("click", () => show(button.dataset.show));
}
narrow.addEventListener("change", () => show(document.body.dataset.view));

// What stays in view takes its place below what stays above it.
new ResizeObserver(([{ target }]) => {
  document.documentElement.style.setProperty("--top", `${target.offsetHeight}px`);
}).observe(document.querySelector(".top"));

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
