// One campaign: how far it is, why it waits, what can be done.

const shown = {
  /** The key that is asked for, and the campaign that is shown: for a moment another one. */
  key: null,
  campaign: null,
  /** The counts that the plot and the list of the unknown were fetched for. */
  counted: null,
  /** They are not fetched again before, unless another campaign is looked at or something was done. */
  rest: 0,
};
const path = (key) => `/api/campaigns/${encodeURIComponent(key)}`;

/** The key in the address. */
function asked() {
  const hash = location.hash.slice(1);
  try {
    return hash === "" ? null : decodeURIComponent(hash);
  } catch {
    return null;
  }
}

const COUNTS = [
  ["accepted", "Accepted"], ["refused", "Refused"], ["unknown", "Unknown"], ["sending", "In flight"], ["planned", "Planned"],
  ["not_attempted", "Not attempted"], ["invalid", "Invalid"], ["duplicates", "Repeated"],
];

/** A name and its value, for a list of them. */
const pair = (name, value, of) => el("div", { "data-of": of }, el("dt", {}, name), el("dd", {}, value));

function drawCampaign(campaign) {
  const { progress, settings } = campaign;
  const other = shown.campaign?.key !== campaign.key;
  shown.campaign = campaign;
  $("one").hidden = false;
  $("title").replaceChildren(bdi(campaign.key));
  const [word, look] = standing(campaign);
  const state = el("span", { id: "state", class: "state", "data-look": look }, word);
  if (!$("state").isEqualNode(state)) $("state").replaceWith(state);
  $("pause").hidden = progress.state !== "running" || campaign.over;
  $("resume").hidden = progress.state !== "paused" || campaign.over;

  const why = el("p", {}, waits(campaign) ?? []);
  const place = $("waits");
  if (place.innerHTML !== why.innerHTML) place.replaceChildren(...why.childNodes);
  place.hidden = place.childNodes.length === 0;

  const zone = zoneOf(campaign);
  const left = Math.max(campaign.time_left, 1);
  reconcile($("left"), dots([
    progress.requests_left > 0 && `${plural(progress.requests_left, "request")} left`,
    progress.requests_left > 0 && `${span(left)} at 2 requests a second${settings.window === null && progress.state === "running" ? `, until ${when(Date.now() + left * 1000, zone)} if nothing waits` : ""}`,
    `${count(progress.points_charged)} ${progress.points_charged === 1 ? "credit" : "credits"} charged`,
    progress.workers > 0 && `${plural(progress.workers, "worker")} seen`,
  ]));
  const numbers = COUNTS.filter(([of]) => progress[of] > 0 || of === "accepted" || of === "unknown");
  reconcile($("counts"), [...numbers.map(([of, name]) => pair(name, count(progress[of]), of)), pair("All rows", count(campaign.total), "all")]);

  $("text").textContent = settings.text ?? "";
  $("text").hidden = settings.text === null;
  const full = (time) => `${day(time, zone)}, ${clock(time, zone)}`;
  reconcile($("settings"), [
    settings.text === null && pair("Text", "forgotten, with its numbers"),
    pair("Sender id", settings.sender === null ? "that of the worker" : bdi(settings.sender)),
    settings.test_mode && pair("Mode", "test: nothing is delivered"),
    settings.window && pair("Window", `${settings.window[0]}, ${settings.window[1]}`),
    settings.not_before && pair("Not before", full(settings.not_before)),
    settings.not_after && pair("Not after", full(settings.not_after)),
    settings.priority !== 0 && pair("Priority", String(settings.priority)),
    pair("Created", `${full(settings.created_at)}, ${zone}`),
  ].filter(Boolean));

  if (other) {
    $("ask-said").textContent = "";
    plot.history = null;
    $("unknown").hidden = true;
  }
  plot.campaign = campaign;
  drawPlot();
}

/** Runs what a person asked for and looks at what became of it; what is refused is said. */
async function act(work) {
  try {
    await work();
    trouble(null);
  } catch (error) {
    trouble(error);
  }
  shown.counted = null;
  await look();
}

/** The key that is asked about in the dialogue. */
let pausing = null;
$("pause").addEventListener("click", () => {
  pausing = shown.campaign.key;
  $("pausing-title").replaceChildren("Pause ", bdi(pausing), "?");
  $("reason").value = "";
  $("pausing").returnValue = "";
  $("pausing").showModal();
  $("reason").focus();
});
$("pausing").addEventListener("close", () => {
  const key = pausing;
  if ($("pausing").returnValue !== "yes") return;
  act(async () => {
    await ask("POST", `${path(key)}/pause`, { reason: $("reason").value });
    say("Paused: nothing is in flight");
  });
});
$("resume").addEventListener("click", () => {
  const { key } = shown.campaign;
  act(async () => {
    await ask("POST", `${path(key)}/resume`);
    say("It goes on");
  });
});
for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
