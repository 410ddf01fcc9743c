// Numbers, times and reasons in words.

const KUWAIT = "Asia/Kuwait";
const count = (number) => number.toLocaleString("en");

/** A time of day or a day in a campaign's zone; in Kuwait's where the browser does not know it. */
function formatted(time, zone, options) {
  const format = (timeZone) => new Intl.DateTimeFormat("en-GB", { timeZone, hourCycle: "h23", ...options }).format(time);
  try {
    return format(zone);
  } catch {
    return format(KUWAIT);
  }
}
const MINUTE = { hour: "2-digit", minute: "2-digit" };
const clock = (time, zone) => formatted(time, zone, MINUTE);
const seconds = (time, zone) => formatted(time, zone, { ...MINUTE, second: "2-digit" });
/** With the year where it is another one than this. */
function day(time, zone) {
  const year = (time) => formatted(time, zone, { year: "numeric" });
  const other = year(time) !== year(Date.now());
  return formatted(time, zone, { weekday: "short", day: "numeric", month: "short", ...(other && { year: "numeric" }) });
}
/** The time of day, with the day where it is another one than today. */
function when(time, zone, show = clock) {
  const other = day(time, zone) !== day(Date.now(), zone);
  return other ? `${show(time, zone)} on ${day(time, zone)}` : show(time, zone);
}

function span(seconds) {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

const zoneOf = (campaign) => campaign.settings.window?.[1] ?? KUWAIT;

/** Where it stands, in one word, and how that looks. */
function standing({ over, progress }) {
  if (over && progress.state === "running") return ["done", "delivered"];
  if (progress.state === "running" && progress.waits_for !== null) return ["waits", "queued"];
  return [progress.state, { running: "sent", paused: "queued", cancelled: "bad" }[progress.state]];
}

/** Why it waits, as parts of a sentence; null if it does not. */
function waits({ over, progress, settings }) {
  const why = progress.waits_for;
  const sending = progress.sending > 0 && progress.state === "paused";
  if (sending) return [`Pausing: ${plural(progress.sending, "number")} in flight. `, ...paused(why)];
  if (why === null || over) return null;
  if (why === "approval") return ["Waits for its approval: run its ", code("kwtsms campaign create"), " again with ", code("--yes"), "."];
  if (why === "loading") return ["Its recipients are being loaded; if that broke off, create it again."];
  if (why === "workers") return ["Nobody sends it: start ", code("kwtsms campaign run"), ", here or on another machine."];
  if (why.pause !== undefined) return paused(why);
  if (why.worker !== undefined) return ["Waits: ", bdi(why.worker), "."];
  if (why.until !== undefined) {
    const [hours, zone] = settings.window ?? [null, KUWAIT];
    const time = when(why.until * 1000, zone);
    const starts = hours === null || Math.floor((settings.not_before ?? 0) / 1000) === why.until;
    return starts ? [`Starts at ${time}, ${zone}.`] : [`Its window ${hours} opens at ${time}, ${zone}.`];
  }
  return ["Waits."];
}
const paused = (why) => (why?.pause ? ["Paused: ", bdi(why.pause)] : ["Paused: nothing further is sent until it is resumed."]);
const code = (words) => el("code", { dir: "ltr" }, words);

/** A word of the command line that a shell takes as it is. */
const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
