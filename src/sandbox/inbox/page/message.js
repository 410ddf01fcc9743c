// One message, as an item of the list.

/** The hidden characters that are met most often. */
const HIDDEN = {
  "U+000D": "carriage return",
  "U+00AD": "soft hyphen",
  "U+061C": "Arabic letter mark",
  "U+200B": "zero-width space",
  "U+200C": "zero-width non-joiner",
  "U+200D": "zero-width joiner",
  "U+200E": "left-to-right mark",
  "U+200F": "right-to-left mark",
  "U+202A": "left-to-right embedding",
  "U+202B": "right-to-left embedding",
  "U+202C": "end of an embedding",
  "U+2060": "word joiner",
  "U+2066": "left-to-right isolate",
  "U+2067": "right-to-left isolate",
  "U+2068": "first strong isolate",
  "U+2069": "end of an isolate",
  "U+FE0F": "emoji style",
  "U+FEFF": "byte order mark",
};
const DROPPED = { malformed: "no mobile number", no_route: "no route to this country", duplicate: "twice in the request" };
/** The API lists no more characters of a message. */
const LISTED = 50;
/** Scripts that no 7-bit alphabet holds: a text in one is UCS-2 as a whole, and not because of a character. */
const SCRIPTS = ["Arabic", "Hebrew", "Cyrillic", "Greek", "Devanagari", "Bengali", "Tamil", "Telugu", "Malayalam", "Thai", "Hangul", "Hiragana", "Katakana", "Han"]
  .map((name) => [name === "Han" ? "Chinese" : name, new RegExp(`\\p{Script=${name}}`, "u")]);

function messageItem(message) {
  const titled = `message-${message.seq}`;
  return el("li", { class: "message", "data-key": key(message), "data-state": message.state },
    el("article", { "aria-labelledby": titled },
      head({ titled, title: [bdi(message.sender, "sender"), to(message.to)], at: message.at, state: state(message) }),
      bubble(message.phone.text),
      otp(message),
      facts(message),
      el("div", { class: "notes" }, notes(message)),
      foot(message)));
}

function state({ state, stuck }) {
  const words = {
    queued: "Queued",
    stuck: stuck?.why === "emoji" ? "Stuck" : "Test, stays queued",
    sent: "Sent",
    delivered: "Delivered abroad",
    deleted: "Deleted",
  };
  return chip(state === "stuck" && stuck?.why === "emoji" ? "bad" : state, words[state] ?? state);
}

function otp({ otp }) {
  if (otp == null) return null;
  return el("div", { class: "otp" }, el("span", {}, "Code"), el("code", {}, otp), copyButton(otp, `code ${otp}`));
}

/** Characters by their look, code and place, the first few different ones. */
function listed(characters) {
  const different = characters.filter((c, i) => characters.findIndex((other) => other.code === c.code) === i);
  const shown = different.slice(0, FEW).map(({ character, code, position }, i) =>
    [i > 0 && ", ", ltr([HIDDEN[code] ?? bdi(character), ` ${code}`], "char"), ` as character ${position + 1}`]);
  const rest = characters.length - shown.length;
  return [shown, rest > 0 && ` and ${characters.length >= LISTED ? "at least " : ""}${rest} more`];
}

/** Why a text is UCS-2: the script that it is written in, or the few characters that no other would miss. */
function encoding({ encoding, forced_ucs2: forced }) {
  if (forced.length === 0) return encoding;
  const script = SCRIPTS.find(([, letters]) => forced.filter(({ character }) => letters.test(character)).length > FEW);
  return script ? `${encoding}: ${script[0]} text` : [encoding, " because of ", listed(forced)];
}

function facts(message) {
  return el("ul", { class: "facts dots", "aria-label": "Facts" },
    el("li", {}, encoding(message)),
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
    pieces.push(same, ltr(HIDDEN[code(character)] ?? code(character), "char"));
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
  return el("div", { class: "foot" },
    wire(() => inbox.shown.get(key(message))?.entry ?? message),
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
    trouble(error);
  }
}
