// What messages and refused requests have in common: a card in the list.

/** So many numbers or characters are written out in a line. */
const FEW = 3;

const code = (character) => `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
const number = (digits) => ltr(digits, "number");

function head({ titled, title, at, state }) {
  const time = new Date(at);
  const today = time.toDateString() === new Date().toDateString();
  return el("div", { class: "head" },
    el("h3", { id: titled }, title),
    el("time", { datetime: time.toISOString() }, today ? time.toLocaleTimeString() : time.toLocaleString()),
    state);
}

function chip(look, words) {
  return el("span", { class: "state", "data-look": look }, el("span", { class: "unseen" }, "State: "), words);
}

/** The first few numbers, and how many more. */
function to(numbers) {
  const more = numbers.length - FEW;
  return el("span", { class: "to" }, " to ", numbers.slice(0, FEW).flatMap((digits, i) => [i > 0 && ", ", number(digits)]), more > 0 && ` and ${more} more`);
}

function bubble(text) {
  const blank = text.trim() === "";
  return el("p", { class: blank ? "bubble blank" : "bubble", dir: "auto", "data-part": "bubble" }, blank ? "(nothing to see)" : text);
}

/** What went over the wire, made when someone looks at what is then there. */
function wire(current) {
  const fill = ({ currentTarget: details }) => {
    if (details.open) details.replaceChildren(details.firstElementChild, ...exchange(current()));
  };
  return el("details", { ontoggle: fill }, el("summary", {}, "Request and reply"));
}

function exchange({ to: numbers, request, reply: { status, body } }) {
  let pretty = body;
  try {
    pretty = JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    // It is shown as it is.
  }
  return [
    numbers.length > FEW && [el("h4", {}, plural(numbers.length, "number")), el("pre", { tabindex: "0" }, numbers.join(" "))],
    el("h4", {}, "Request, its password masked"),
    el("pre", { tabindex: "0", "data-part": "request" }, request),
    el("h4", {}, status == null ? "No reply: the connection was cut" : `Reply, HTTP ${status}`),
    pretty !== "" && el("pre", { tabindex: "0", "data-part": "reply" }, pretty),
  ].flat().filter(Boolean);
}
