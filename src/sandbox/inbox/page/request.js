// One request that was refused, as an item of the list.

function requestItem(request) {
  const titled = `request-${request.number}`;
  const send = request.endpoint === "send";
  const title = [bdi(send && request.sender_asked ? request.sender_asked : request.endpoint, "sender"), request.to.length > 0 && to(request.to)];
  return el("li", { class: "message", "data-key": key(request), "data-state": "refused" },
    el("article", { "aria-labelledby": titled },
      head({ titled, title, at: request.at, state: chip("bad", refusal(request)) }),
      request.text != null && bubble(request.text),
      el("div", { class: "notes" }, reasons(request)),
      el("ul", { class: "facts dots", "aria-label": "Facts" },
        el("li", {}, "request ", ltr(request.endpoint.startsWith("/") ? request.endpoint : `/API/${request.endpoint}/`)),
        el("li", {}, request.status == null ? "no answer" : `HTTP ${request.status}`),
        request.numbers > 0 && el("li", {}, plural(request.numbers, "number")),
        el("li", {}, request.user === "" ? "no account" : ["account ", bdi(request.user, "user")])),
      el("div", { class: "foot" }, wire(() => request))));
}

function refusal({ code, status }) {
  if (code != null) return `Refused: ${code}`;
  return status == null ? "Cut" : `Refused: HTTP ${status}`;
}

/** Why, and what to do: the code's meaning, what could not be read, and the fault that had its hand in it. */
function reasons({ code, meaning, action, problems, status, processed, reply }) {
  const notes = [];
  if (code != null) {
    notes.push(el("div", { class: "note bad", "data-part": "reason" }, el("strong", {}, `${code}: `),
      meaning == null ? "a code that is not in the table." : [`${meaning}. `, el("strong", {}, "What to do: "), action]));
  } else if (reply.fault == null && problems.length === 0) {
    notes.push(el("div", { class: "note bad", "data-part": "reason" }, status == null ? "The connection was cut." : `HTTP ${status}, without a code of the gateway.`));
  }
  if (problems.length > 0) {
    notes.push(el("div", { class: "note bad", "data-part": "problems" }, el("strong", {}, "In the request: "),
      problems.length === 1 ? `${problems[0]}.` : el("ul", {}, problems.map((problem) => el("li", {}, `${problem}.`)))));
  }
  if (reply.fault != null) {
    notes.push(el("div", { class: "note", "data-part": "fault" }, `A fault answered (${label(reply.fault)})`,
      processed ? ", after the gateway had worked on the request." : ": the gateway never saw the request."));
  }
  return notes;
}
