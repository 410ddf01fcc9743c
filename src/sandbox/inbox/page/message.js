// One message, as an item of the list.

/** The hidden characters that are met most often. */
const HIDDEN = {
  "U+000D": "carriage return",
  "U+200B": "zero-width space",
  "U+200C": "zero-width non-joiner",
  "U+200D": "zero-width joiner",
  "U+200E": "left-to-right mark",
  "U+200F": "right-to-left mark",
  "U+2060": "word joiner",
  "U+FE0F": "emoji style",
  "U+FEFF": "byte order mark",
};
const DROPPED = { malformed: "no mobile number", no_route: "no route to this country", duplicate: "twice in the request" };
/** So many numbers or characters are written out in a line. */
const FEW = 3;
/** The API lists no more characters of a message. */
const LISTED = 50;

const code = (character) => `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
const number = (digits) => el("bdi", { class: "number", dir: "ltr" }, digits);

function item(message) {
  const titled = `message-${message.seq}`;
  const { text } = message.phone;
  return el("li", { class: "message", "data-seq": message.seq, "data-state": message.state },
    el("article", { "aria-labelledby": titled },
      head(message, titled),
      el("p", { class: text.trim() ? "bubble" : "bubble blank", dir: "auto", "data-part": "bubble" }, text.trim() ? text : "(nothing to see)"),
      otp(message),
      facts(message),
      el("div", { class: "notes" }, notes(message)),
      foot(message)));
}

function head(message, titled) {
  const numbers = message.to.slice(0, FEW).flatMap((digits, i) => [i > 0 && ", ", number(digits)]);
  const more = message.to.length - FEW;
  const at = new Date(message.at);
  const today = at.toDateString() === new Date().toDateString();
  return el("div", { class: "head" },
    el("h3", { id: titled }, bdi(message.sender, "sender"),
      el("span", { class: "to" }, " to ", numbers, more > 0 && ` and ${more} more`)),
    el("time", { datetime: at.toISOString() }, today ? at.toLocaleTimeString() : at.toLocaleString()),
    state(message));
}

function state({ state, stuck }) {
  const words = {
    queued: "Queued",
    stuck: stuck?.why === "emoji" ? "Stuck" : "Test, stays queued",
    sent: "Sent",
    delivered: "Delivered abroad",
    deleted: "Deleted",
  };
  const look = state === "stuck" && stuck?.why === "emoji" ? "emoji" : state;
  return el("span", { class: "state", "data-look": look }, el("span", { class: "unseen" }, "State: "), words[state] ?? state);
}

function otp({ otp }) {
  if (otp == null) return null;
  return el("div", { class: "otp" }, el("span", {}, "Code"), el("code", {}, otp), copyButton(otp, `code ${otp}`));
}

/** Characters by their look, code and place, the first few different ones. */
function listed(characters) {
  const different = characters.filter((c, i) => characters.findIndex((other) => other.code === c.code) === i);
  const shown = different.slice(0, FEW).map(({ character, code, position }, i) =>
    [i > 0 && ", ", el("bdi", { class: "char" }, HIDDEN[code] ?? character, ` ${code}`), ` as character ${position + 1}`]);
  const rest = characters.length - shown.length;
  return [shown, rest > 0 && ` and ${characters.length >= LISTED ? "at least " : ""}${rest} more`];
}

function facts(message) {
  return el("ul", { class: "facts", "aria-label": "Facts" },
    el("li", {}, message.encoding, message.forced_ucs2.length > 0 && [" because of ", listed(message.forced_ucs2)]),
    el("li", { class: message.pages > 1 ? "strong" : null }, plural(message.pages, "page")),
    el("li", {}, plural(message.characters, "character")),
    el("li", {}, plural(message.points, "credit"), message.to.length > 1 && ` for ${plural(message.to.length, "number")}`),
    message.test && el("li", { class: "strong" }, "Test"),
    el("li", {}, "account ", bdi(message.user, "user")));
}

/** The posted text, with what a phone does not show made visible. */
function posted(text, shown) {
  const left = [...shown];
  const pieces = [];
  let gone = 0;
  let same = "";
  for (const character of text) {
    if (character === left[0]) {
      left.shift();
      same += character;
      continue;
    }
    gone += 1;
    pieces.push(same, el("bdi", { class: "char" }, HIDDEN[code(character)] ?? code(character)));
    same = "";
  }
  return { gone, pieces: [...pieces, same] };
}

function notes(message) {
  const { stuck, phone, text, reply } = message;
  const notes = [];
  if (stuck?.why === "emoji") {
    notes.push(el("div", { class: "note bad" }, el("strong", {}, "No phone gets this. "),
      "The gateway took it and the credits, and keeps it in the queue because of ", listed(stuck.characters),
      message.state === "deleted" ? "" : ". Deleting it gives the credits back."));
  }
  if (message.sender_asked !== message.sender) {
    notes.push(el("div", { class: "note" }, "Posted with the sender id ", bdi(message.sender_asked), ", which is not the account’s: phones show ", bdi(message.sender), "."));
  }
  if (phone.text !== text) {
    const { gone, pieces } = posted(text, phone.text);
    notes.push(el("div", { class: "note", "data-part": "difference" }, el("strong", {}, "Posted differently: "),
      `${plural(gone, "hidden character")} of the text ${gone === 1 ? "has" : "have"} no shape on a phone.`,
      el("p", { class: "posted", dir: "auto" }, pieces)));
  }
  if (message.dropped.length > 0) {
    const shown = message.dropped.slice(0, FEW).flatMap(({ number, why }, i) => [i > 0 && ", ", bdi(number), ` (${DROPPED[why] ?? why})`]);
    const more = message.dropped.length - FEW;
    notes.push(el("div", { class: "note" }, "Not sent to ", shown, more > 0 && ` and ${more} more`));
  }
  if (reply.fault != null) {
    notes.push(el("div", { class: "note" }, `A fault changed the answer (${label(reply.fault)}): `,
      reply.status == null ? "the connection was cut, so the client cannot know that this was accepted." : `the client saw HTTP ${reply.status}.`));
  }
  return notes;
}

function foot(message) {
  const fill = ({ currentTarget: details }) => {
    const now = inbox.shown.get(message.seq)?.message ?? message;
    if (details.open) details.replaceChildren(details.firstElementChild, ...wire(now));
  };
  return el("div", { class: "foot" },
    el("details", { ontoggle: fill }, el("summary", {}, "Request and reply")),
    el("span", { class: "id" }, el("span", { class: "unseen" }, "Message id "), message.id),
    (message.state === "queued" || message.state === "stuck")
      && el("button", { type: "button", class: "small danger", "data-part": "delete", onclick: (event) => deleteFromQueue(message.id, event.currentTarget) }, "Delete from queue"));
}

async function deleteFromQueue(id, button) {
  button.disabled = true;
  try {
    const { credits } = await ask("DELETE", `/api/messages/${encodeURIComponent(id)}`);
    say(`Deleted from the queue: ${plural(credits, "credit")} back`);
  } catch (error) {
    button.disabled = false;
    say(error.message);
    button.after(el("span", { class: "id", role: "alert" }, error.message));
  }
}

/** What went over the wire, made when someone looks. */
function wire(message) {
  const { status, body } = message.reply;
  let pretty = body;
  try {
    pretty = JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    // It is shown as it is.
  }
  return [
    message.to.length > FEW && [el("h4", {}, plural(message.to.length, "number")), el("pre", { tabindex: "0" }, message.to.join(" "))],
    el("h4", {}, "Request, its password masked"),
    el("pre", { tabindex: "0", "data-part": "request" }, message.request),
    el("h4", {}, status == null ? "No reply: the connection was cut" : `Reply, HTTP ${status}`),
    pretty !== "" && el("pre", { tabindex: "0", "data-part": "reply" }, pretty),
  ].flat().filter(Boolean);
}
