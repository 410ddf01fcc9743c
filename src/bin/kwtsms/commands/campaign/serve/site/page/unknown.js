// Batches of unknown outcome: what is known of each, and what a person says became of it.

/** What is asked about in the dialogue: the batch, and what is about to be said of it. */
let resolving = null;

function drawUnknown(campaign, { total, batches }) {
  $("unknown").hidden = total === 0;
  const zone = zoneOf(campaign);
  const key = quoted(campaign.key);
  reconcile($("batches"), batches.map((batch) => batchItem(batch, zone, key)));
  const more = total - batches.length;
  $("more-unknown").hidden = more === 0;
  $("more-unknown").textContent = `${count(more)} more ${more === 1 ? "batch" : "batches"}: shown as these are resolved.`;
  unknown.batches = new Map(batches.map((batch) => [batch.batch, batch]));
}
const unknown = { batches: new Map() };

const LOOKS = { charged: "queued", not_charged: "sent", unclear: "" };
function batchItem(batch, zone, key) {
  const command = `kwtsms campaign resolve ${key} ${batch.batch}`;
  const { evidence } = batch;
  return el("li", { "data-batch": batch.batch },
    el("p", {}, el("strong", {}, plural(batch.numbers, "number")), ` sent at `, ltr(when(batch.sent_at, zone, seconds))),
    el("p", { class: "quiet" }, "No verdict: ", bdi(batch.reason ?? "no answer came"), ". Batch ", ltr(batch.batch, "id")),
    evidence
      ? el("p", { class: "evidence" }, el("span", { class: "state", "data-look": LOOKS[evidence.is] }, { charged: "Charged", not_charged: "Not charged", unclear: "Unclear" }[evidence.is]), " ", bdi(evidence.text))
      : el("p", { class: "evidence quiet" }, "No evidence yet: the balance was not asked since."),
    el("div", { class: "actions" },
      el("button", { type: "button", class: "small", "data-say": "sent" }, "It was sent…"),
      el("button", { type: "button", class: "small", "data-say": "not_sent" }, "It was not sent…")),
    el("details", {}, el("summary", {}, "Or by the command"), el("pre", { tabindex: "0", dir: "ltr" }, `${command} --sent\n${command} --not-sent`)));
}

$("batches").addEventListener("click", (event) => {
  const button = event.target.closest("[data-say]");
  const batch = button && unknown.batches.get(button.closest("li").dataset.batch);
  if (!batch) return;
  const sent = button.dataset.say === "sent";
  resolving = { key: shown.campaign.key, batch, say: button.dataset.say };
  const zone = zoneOf(shown.campaign);
  const numbers = plural(batch.numbers, "number");
  $("resolving-title").textContent = sent ? `Was the batch of ${numbers} sent?` : `Send the batch of ${numbers} again?`;
  $("resolving-facts").textContent = `Its request left at ${when(batch.sent_at, zone, seconds)}, ${zone}. ${batch.evidence ? `Evidence: ${batch.evidence.text}.` : "The balance was not asked."}`;
  $("resolving-means").textContent = sent
    ? "It ends accepted, without a message id, and is never sent again. Whoever did not get it will not."
    : "It is planned again, and the next worker sends it. Whoever got it already gets it twice.";
  $("resolving-means").className = sent ? "note" : "note bad";
  $("looked").checked = false;
  $("resolve").disabled = true;
  $("resolve").textContent = sent ? "It was sent" : "It was not sent: send it";
  $("resolving").returnValue = "";
  $("resolving").showModal();
});
$("looked").addEventListener("change", (event) => { $("resolve").disabled = !event.currentTarget.checked; });
$("resolving").addEventListener("close", async () => {
  const { key, batch, say: said } = resolving ?? {};
  resolving = null;
  if (!key || $("resolving").returnValue !== "yes") return;
  await act(async () => {
    await ask("POST", `${path(key)}/unknown/${batch.batch}`, { resolution: said });
    say(said === "sent" ? "The batch ends accepted" : "The batch is planned again");
  });
  // Where the keyboard was is gone with the batch.
  ($("unknown").hidden ? $("campaign") : $("unknown-title")).focus();
});

$("ask").addEventListener("click", async () => {
  const { key } = shown.campaign;
  $("ask-said").textContent = "Asking…";
  try {
    await ask("POST", `${path(key)}/evidence`);
    $("ask-said").textContent = "Asked: what the balance says stands at each batch.";
    shown.counted = null;
    await look();
  } catch (error) {
    $("ask-said").textContent = error.message;
  }
});
