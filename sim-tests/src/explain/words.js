// An event as a sentence.

/** "12.345 s", with as many digits as are needed to tell moments apart that are `step` seconds from each other. */
function moment(seconds, step = 0.001) {
  const digits = Math.max(0, Math.min(9, Math.ceil(-Math.log10(step) - 1e-9)));
  return seconds.toFixed(digits) + " s";
}

/** A duration in the unit that suits it. */
function duration(seconds) {
  if (seconds >= 10) return seconds.toFixed(1) + " s";
  if (seconds >= 1) return seconds.toFixed(2) + " s";
  if (seconds >= 0.001) return (seconds * 1e3).toFixed(seconds < 0.1 ? 1 : 0) + " ms";
  return (seconds * 1e6).toFixed(0) + " µs";
}

/** "1 node", "3 nodes". */
function count(number, one, many = one + "s") {
  return number.toLocaleString("en") + " " + (number === 1 ? one : many);
}

/** "n1, n2 and n3". */
function listed(names) {
  if (names.length < 2) return names.join("");
  return names.slice(0, -1).join(", ") + " and " + names.at(-1);
}

/** How an incarnation ended. */
const STOPS = { Crash: "crashes", PowerLoss: "loses power", fatal: "stops itself" };
const OUTAGES = { Crash: "crash", PowerLoss: "power loss", fatal: "stopped itself" };

class Words {
  constructor(model) {
    this.model = model;
    this.events = model.events;
  }

  who(e) {
    const lane = this.model.laneOf[e];
    return lane < 0 ? "the run" : this.model.lanes[lane].name;
  }

  place(lane) {
    return lane < 0 ? "elsewhere" : this.model.lanes[lane].name;
  }

  message(message) {
    return `${message.what || "a message"} (message ${message.number})`;
  }

  /** What became of a message, after the words that it was sent. */
  fate(message) {
    const took = duration(message.t1 - message.t0);
    const twice = message.again ? `; a second copy arrives at ${moment(message.again.t)}` : "";
    switch (FATES[message.fate]) {
      case "lost":
        return `; it is lost (${this.why(message.why)})`;
      case "late": {
        const why = message.why ? message.why + ", " : "";
        return message.receive < 0 ? `; ${why}it does not arrive` : `; ${why}it arrives ${took} later${twice}`;
      }
      case "overtaking":
        return message.receive < 0 ? "; it does not arrive" : `; it arrives ${took} later, before earlier ones${twice}`;
      case "on its way":
        return "; it does not arrive before the end";
      default:
        return `; it arrives ${took} later${twice}`;
    }
  }

  /** What is asked or told, and its detail, which may say the same word first. */
  request(what, detail) {
    if (!detail) return String(what);
    return detail.startsWith(what) ? detail : `${what} ${detail}`;
  }

  why(why) {
    return { cut: "a cut", loss: "lost on the way", closed: "the connection was closed", dead: "nobody there" }[why] || why;
  }

  fault(fault) {
    const many = fault.places.length > 0 && fault.lanes.length === this.model.lanes.filter((lane) => lane.isNode).length;
    const where = fault.places.length === 0 ? "" : many ? " on all nodes" : " on " + listed(fault.places);
    const seconds = fault.over < 0 && fault.forMs ? fault.forMs / 1e3 : fault.t1 - fault.t0;
    const lasts = seconds > 0 ? ` for ${duration(seconds)}` : "";
    const how = /\{ (.*) \}/.exec(fault.detail);
    return `${fault.what}${where}${lasts}${how ? ` (${how[1]})` : ""}`;
  }

  /** What an event says, in words. */
  say(e) {
    const get = (member) => this.events.get(e, member);
    const who = this.who(e);
    const at = this.model.messageOf[e];
    const message = at >= 0 ? this.model.messages[at] : null;
    const detail = get("detail") ? `: ${get("detail")}` : "";
    switch (this.events.kind(e)) {
      case "run":
        return `the run of seed ${this.model.schedule.seed} begins`;
      case "phase":
        return `phase: ${get("detail")}`;
      case "fault": {
        const fault = this.model.faults.find((fault) => fault.e === e);
        return `fault: ${this.fault(fault)}`;
      }
      case "fault-over": {
        const fault = this.model.faultById.get(get("fault"));
        return fault ? `over: ${fault.what} on ${listed(fault.places)}` : "a fault is over";
      }
      case "violation":
        return `broken: ${get("law")}`;
      case "end":
        return `the run ends: ${get("verdict")}`;
      case "boot":
        return `${who} starts (incarnation ${get("incarnation")})`;
      case "serving":
        return `${who} serves`;
      case "stop":
        return `${who} ${STOPS[get("detail")] || "stops" + detail}`;
      case "fatal":
        return `${who} stops itself${detail}`;
      case "pause":
        return `${who} stands still`;
      case "resume":
        return `${who} goes on`;
      case "role": {
        const knows = get("role") === "leader" || !get("leader") ? "" : `, led by ${get("leader")}`;
        return `${who} is ${get("role")} in term ${get("term")}${knows}`;
      }
      case "commit":
        return `${who} knows index ${get("index")} of term ${get("term")} to be committed`;
      case "apply":
        return `${who} has applied index ${get("index")} of term ${get("term")}`;
      case "send":
        return `${who} sends ${get("to")} ${this.message(message)}${this.fate(message)}`;
      case "receive": {
        const copy = get("again") ? "a second copy of " : "";
        return `${who} receives ${copy}${this.message(message)} from ${get("from")}`;
      }
      case "lost":
        return `${this.message(message)} from ${who} to ${get("to")} is lost (${this.why(get("why"))})`;
      case "held":
        return `${this.message(message)} from ${who} to ${get("to")} is held by a cut`;
      case "overtakes":
        return `${this.message(message)} from ${who} to ${get("to")} may overtake earlier ones`;
      case "sync":
        return `${who} begins to sync${detail}`;
      case "synced":
        return get("ok") === false ? `${who}: the sync FAILS` : `${who}: synced`;
      case "ask":
        return `${who} asks${get("to") ? " " + get("to") : ""}: ${this.request(get("what"), get("detail"))} (${get("op")})`;
      case "told": {
        const by = get("from") ? `by ${get("from")} ` : "";
        return `${who} is told ${by}about ${get("op")}: ${this.request(get("outcome"), get("detail"))}`;
      }
      case "power-loss":
        return `the power loss of ${listed(get("nodes") || [])}${detail}`;
      case "log":
        return `${who} says${get("level") === "info" ? "" : ` (${get("level")})`}${detail}`;
      default: {
        const rest = this.events.shapes[this.events.shapeOf[e]].members
          .filter((member) => !["node", "incarnation", "client", "cause", "detail"].includes(member))
          .map((member) => `${member} ${JSON.stringify(get(member))}`);
        return `${who}: ${this.events.kind(e)}${detail}${rest.length ? ` (${rest.join(", ")})` : ""}`;
      }
    }
  }
}
