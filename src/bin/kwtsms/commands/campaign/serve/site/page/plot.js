// What ended when, as a plot: accepted, refused and unknown above each other, with the line of the pace.

const SVG = "http://www.w3.org/2000/svg";
const plot = { campaign: null, history: null };
/** Rows of the table; the plot has them all. */
const ROWS = 20;

function shape(tag, props, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Three or four round steps of an axis. */
function steps(most) {
  const rough = Math.max(most, 1) / 4;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].map((times) => times * size).find((step) => step >= rough));
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step);
}

/** Moments of a time axis: round in the zone as far as its offset is a whole of them, as they are almost everywhere. */
function ticks(from, to, most) {
  const minute = 60_000;
  const sizes = [1000, 2000, 5000, 10_000, 15_000, 30_000, ...[1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 40_320].map((minutes) => minutes * minute)];
  const size = sizes.find((size) => (to - from) / size <= most) ?? sizes.at(-1);
  const kuwait = 3 * 60 * minute;
  const first = Math.ceil((from + kuwait) / size) * size - kuwait;
  return { size, times: Array.from({ length: Math.max(0, Math.floor((to - first) / size) + 1) }, (_, i) => first + i * size) };
}

function drawPlot() {
  const { campaign, history } = plot;
  const svg = $("plot");
  const began = history?.began_at ?? null;
  for (const part of [svg, $("legend"), $("table-box")]) part.toggleAttribute("hidden", began === null);
  if (!campaign || began === null) {
    $("plot-text").textContent = history ? "Nothing was sent yet." : "";
    return;
  }
  const { progress } = campaign;
  const zone = zoneOf(campaign);
  const moments = history.moments;
  const last = moments.at(-1) ?? [began, 0, 0, 0];
  const total = progress.accepted + progress.refused + progress.unknown + progress.not_attempted + progress.planned + progress.sending;
  const to = Math.max(campaign.over || progress.state === "cancelled" ? last[0] : Date.now(), last[0], began + 5000);

  const width = Math.max(240, svg.clientWidth);
  const height = svg.clientHeight || 260;
  const most = Math.max(total, 1);
  const labels = steps(most).map(count);
  const area = { left: 10 + 7.5 * Math.max(...labels.map((label) => label.length)), right: width - 8, top: 12, bottom: height - 24 };
  const x = (time) => area.left + ((time - began) / (to - began)) * (area.right - area.left);
  const y = (numbers) => area.bottom - (numbers / (most * 1.04)) * (area.bottom - area.top);
  const at = (time, numbers) => `${x(time).toFixed(1)} ${y(numbers).toFixed(1)}`;

  const parts = [];
  for (const number of steps(most)) {
    parts.push(shape("line", { class: "grid", x1: area.left, x2: area.right, y1: y(number), y2: y(number) }));
    parts.push(shape("text", { x: area.left - 6, y: y(number) + 4, "text-anchor": "end" }, count(number)));
  }
  const { size, times } = ticks(began, to, Math.max(2, Math.floor((area.right - area.left) / 90)));
  for (const time of times) {
    const label = size >= 86_400_000 ? day(time, zone) : size < 60_000 ? seconds(time, zone) : clock(time, zone);
    parts.push(shape("line", { class: "grid", x1: x(time), x2: x(time), y1: area.top, y2: area.bottom }));
    const edge = x(time) > area.right - 26 ? "end" : x(time) < area.left + 26 ? "start" : "middle";
    parts.push(shape("text", { x: edge === "end" ? area.right : x(time), y: height - 6, "text-anchor": edge }, label));
  }

  // From the bottom: accepted, refused on it, unknown on both. Each holds until the next moment.
  const upTo = (moment, parts) => moment.slice(1, 1 + parts).reduce((sum, number) => sum + number, 0);
  const line = (of) => {
    const points = [at(began, 0)];
    let before = 0;
    for (const moment of moments) {
      points.push(at(moment[0], before), at(moment[0], upTo(moment, of)));
      before = upTo(moment, of);
    }
    points.push(at(to, before));
    return points;
  };
  const lines = [1, 2, 3].map(line);
  ["accepted", "refused", "unknown"].forEach((name, i) => {
    const below = i === 0 ? [at(began, 0), at(to, 0)] : lines[i - 1];
    parts.push(shape("path", { class: `area ${name}`, d: `M${lines[i].join("L")}L${[...below].reverse().join("L")}Z` }));
    if (last[i + 1] > 0) parts.push(shape("path", { class: `edge ${name}`, d: `M${lines[i].join("L")}` }));
  });

  parts.push(shape("line", { class: "total", x1: area.left, x2: area.right, y1: y(total), y2: y(total) }));
  if (history.pace > 0) {
    const full = Math.min(began + (total / history.pace) * 1000, to);
    const numbers = Math.min(total, (history.pace * (full - began)) / 1000);
    parts.push(shape("path", { class: "pace", d: `M${at(began, 0)}L${at(full, numbers)}` }));
  }
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(...parts);

  const sent = [["accepted", last[1]], ["refused", last[2]], ["unknown", last[3]]].map(([name, number]) => `${count(number)} ${name}`);
  $("plot-text").textContent = `From ${when(began, zone, seconds)} to ${when(to, zone, seconds)}, ${zone}: of ${count(total)} ${total === 1 ? "number" : "numbers"}, ${sent.join(", ")}. The pace of 2 requests a second is ${plural(Math.round(history.pace), "number")} a second.`;
  if ($("table-box").open) drawTable();
}

function drawTable() {
  const { campaign, history } = plot;
  if (!history) return;
  const zone = zoneOf(campaign);
  const every = Math.ceil(history.moments.length / ROWS);
  // The last one always, and of the others every so many.
  const rows = history.moments.filter((_, i, all) => (all.length - 1 - i) % every === 0);
  reconcile($("table"), rows.map(([time, ...numbers]) => el("tr", {}, el("th", { scope: "row" }, when(time, zone, seconds)), numbers.map((number) => el("td", {}, count(number))))));
}

$("table-box").addEventListener("toggle", () => { if ($("table-box").open) drawTable(); });
new ResizeObserver(() => drawPlot()).observe($("plot").parentElement);
