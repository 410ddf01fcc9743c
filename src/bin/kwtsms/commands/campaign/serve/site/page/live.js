// Looks at the store again and again, as long as someone looks at the page.

const SECOND = 1000;
let timer = null;
let looking = null;
let last = null;

function connection(state, words) {
  const place = $("connection");
  if (place.dataset.state === state) return;
  place.dataset.state = state;
  place.textContent = words;
}

function listItem(campaign, key) {
  const { progress, total } = campaign;
  const [word, look] = standing(campaign);
  const ended = total - progress.planned - progress.sending;
  const notes = [progress.unknown > 0 && `${count(progress.unknown)} unknown`, progress.refused > 0 && `${count(progress.refused)} refused`];
  const done = total === 0 ? 0 : Math.floor((ended / total) * 100);
  return el("li", {}, el("a", { href: `#${encodeURIComponent(campaign.key)}`, "aria-current": campaign.key === key ? "page" : null },
    el("span", { class: "name" }, bdi(campaign.key)),
    el("span", { class: "state", "data-look": look }, word),
    el("span", { class: "done", "aria-hidden": "true" }, el("span", { style: `width: ${done}%` })),
    el("span", { class: "dots" }, dots([`${count(ended)} of ${count(total)} ended`, ...notes]))));
}

/** One look; while it lasts, further ones are the same. */
function look() {
  looking ??= lookOnce().finally(() => {
    looking = null;
    clearTimeout(timer);
    // A page that nobody sees asks nothing.
    if (!document.hidden) timer = setTimeout(look, SECOND);
  });
  return looking;
}

async function lookOnce() {
  try {
    const { campaigns, left_out: leftOut, asks_balance: asksBalance } = await ask("GET", "/api/campaigns");
    connection("live", "Live");
    // Without an address the newest, and then the same one, whatever comes.
    const stays = campaigns.some((campaign) => campaign.key === shown.key) ? shown.key : null;
    const key = asked() ?? stays ?? campaigns[0]?.key ?? null;
    document.body.dataset.view = asked() === null ? "list" : "campaign";
    $("start").hidden = campaigns.length > 0;
    reconcile($("campaigns"), campaigns.map((campaign) => listItem(campaign, key)));
    $("left-out").hidden = leftOut === 0;
    $("left-out").textContent = `${count(leftOut)} older ones: kwtsms campaign list shows them.`;
    $("ask").disabled = !asksBalance;
    if (!asksBalance) $("ask-note").textContent = "Without user name and password the balance cannot be asked: start it with them.";
    if (key !== last) {
      last = key;
      shown.counted = null;
    }
    await showOne(key);
    reachable();
  } catch (error) {
    if (error instanceof Unreachable) connection("lost", "Not connected: is ‘kwtsms campaign serve’ running?");
    else trouble(error);
  }
}

async function showOne(key) {
  shown.key = key;
  const campaign = key === null ? null : await ask("GET", path(key)).catch((error) => {
    if (error instanceof Unreachable) throw error;
    return null;
  });
  if (shown.key !== key) return;
  $("gone").hidden = campaign !== null || key === null;
  $("gone-key").textContent = key ?? "";
  document.title = key === null ? "kwtSMS campaigns" : `${key}, kwtSMS campaigns`;
  if (campaign === null) {
    $("one").hidden = true;
    shown.campaign = null;
    return;
  }
  // One that was looked at already is drawn at once, another one with its plot.
  if (shown.campaign?.key === key) drawCampaign(campaign);
  const { accepted, refused, unknown: open, planned, state } = campaign.progress;
  const counted = JSON.stringify([key, accepted, refused, open, planned, state]);
  if (counted === shown.counted || (shown.counted !== null && Date.now() < shown.rest)) return;
  const began = Date.now();
  const [history, batches] = await Promise.all([ask("GET", `${path(key)}/history`), ask("GET", `${path(key)}/unknown`)]);
  if (shown.key !== key) return;
  if (shown.campaign?.key !== key) drawCampaign(campaign);
  shown.counted = counted;
  // Of a large campaign it takes a while: a tenth of the time at most.
  shown.rest = Date.now() + 9 * (Date.now() - began);
  plot.history = history;
  drawPlot();
  drawUnknown(campaign, batches);
}

window.addEventListener("hashchange", () => {
  if (location.hash === "#campaign") return;
  look().then(look).then(() => {
    if (asked() !== null) $("campaign").focus({ preventScroll: true });
    window.scrollTo(0, 0);
  });
});
document.addEventListener("visibilitychange", look);
$("skip").addEventListener("click", (event) => {
  event.preventDefault();
  $("campaign").focus();
});
$("back").addEventListener("click", (event) => {
  event.preventDefault();
  history.pushState(null, "", location.pathname);
  look().then(() => $("campaigns").querySelector("a")?.focus());
});
window.addEventListener("popstate", look);
look();
