// The parts of the page that are text: head, legend, filters, story, table, the chosen event.

const ROWS = 60;

/** An element with attributes and children; texts stay texts. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (attribute.startsWith("on")) made.addEventListener(attribute.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(attribute, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const byId = (id) => document.getElementById(id);

class Panels {
  /** `act` is what a reader's click does: `choose(e)`, `led(e)`, `came(e)`, `changed()`. */
  constructor(page) {
    Object.assign(this, page);
    this.act = page;
    this.events = page.model.events;
  }

  head() {
    const { cluster, faults, active, violation, verdict, phase, seed } = this.story.summary();
    const badge = violation ? ["", "VIOLATED"] : verdict === "holds" ? [" holds", "HOLDS"] : [" unsure", (verdict || "no verdict").toUpperCase()];
    const rest = violation ? `${violation.law}, at ${moment(violation.t)}` : "no law was broken";
    byId("headline").replaceChildren(element("span", { class: "badge" + badge[0] }, badge[1]), `Seed ${seed}: ${rest}`);
    byId("cluster").textContent = cluster;
    byId("cut-short").hidden = !this.events.cutShort;
    this.law(violation, phase);
    this.faultList(faults, active, violation);
  }

  law(violation, phase) {
    if (!violation) {
      byId("law").replaceChildren(element("p", {}, "No law was broken in this run. What is shown is the whole of it."));
      return;
    }
    const facts = [
      ["expected", violation.expected], ["seen", violation.seen], ["in detail", violation.detail],
    ].filter(([, text]) => text);
    const list = element("dl", {}, ...facts.flatMap(([name, text]) => [
      element("dt", {}, name), element("dd", { class: name }, text),
    ]));
    const lead = element("p", {}, `At ${moment(violation.t)}${phase ? `, in the phase “${phase}”,` : ""} this law was broken: `,
      element("strong", {}, violation.law));
    byId("law").replaceChildren(lead, list);
  }

  faultList(faults, active, violation) {
    const when = violation ? " before that" : "";
    const lead = faults.length
      ? `${count(faults.length, "fault")}${when}${active.length ? `, ${active.length} still on` : ""}:`
      : `There was no fault${when}.`;
    const list = element("ol", {}, ...faults.map((fault) => element("li", {},
      element("button", { class: "link", onclick: () => this.act.choose(fault.e) },
        element("time", {}, moment(fault.t0) + " "), this.words.fault(fault),
        active.includes(fault) && violation ? element("span", { class: "still" }, " (still on)") : null))));
    byId("faults").replaceChildren(element("p", {}, lead), list);
    // The latest are the likeliest to matter.
    list.scrollTop = list.scrollHeight;
  }

  legend() {
    const { model, selection } = this;
    const line = (fate) => {
      const { colour, dash, width } = STYLES[fate];
      const end = FATES[fate] === "lost" ? "M22 2l8 8M22 10l8-8" : fate === FATE["on its way"] ? "" : "M32 6l-7-3v6z";
      const middle = FATES[fate] === "late" ? "M19 6a4 4 0 1 1-8 0a4 4 0 1 1 8 0" : FATES[fate] === "overtaking" ? "M18 6l-7-3v6z" : "";
      return this.icon(`<path d="M1 6H26" stroke="var(--${colour})" stroke-width="${width + 0.4}" stroke-dasharray="${dash}"/>` +
        `<path d="${end}" stroke="var(--${colour})" stroke-width="1.5" fill="${FATES[fate] === "lost" ? "none" : FATES[fate] === "doubled" ? "var(--ground)" : `var(--${colour})`}"/>` +
        `<path d="${middle}" stroke="var(--${colour})" stroke-width="1.5" fill="${FATES[fate] === "late" ? "none" : `var(--${colour})`}"/>`);
    };
    const toggles = FATES.map((fate, number) => model.fateCounts[number] === 0 ? null : this.toggle(
      selection.fatesOff, number, [line(number), `${fate} ${model.fateCounts[number].toLocaleString("en")}`]));
    const box = (colour, text, extra = "") => element("span", {},
      this.icon(`<rect x="1" y="2" width="22" height="8" rx="1.5" fill="var(--${colour})" ${extra}/>`, 24), text);
    const outcome = (colour, text) => box(colour, text, `fill-opacity=".35" stroke="var(--${colour})" stroke-width="1.5"`);
    byId("legend").replaceChildren(
      ...toggles.filter(Boolean), box("leader", "leader"), box("candidate", "candidate"), box("follower", "follower"),
      box("sync", "sync"), box("lost", "sync failed or cut off"),
      element("span", {}, this.icon('<path d="M3 6H24" stroke="var(--faint)" stroke-dasharray="2 3"/><path d="M2 2l8 8M2 10l8-8" stroke="var(--fault-process)" stroke-width="2"/>', 24), "down"),
      outcome("good", "set, deleted"), outcome("read", "read"), outcome("refused", "refused"), outcome("unknown", "unknown"),
      outcome("wrong", "wrong"), box("fault", "fault: network", 'opacity=".5"'), box("fault-process", "process", 'opacity=".5"'),
      box("fault-disk", "disk", 'opacity=".5"'), box("fault-clock", "clock", 'opacity=".5"'),
    );
  }

  icon(inside, width = 34) {
    const holder = document.createElement("template");
    holder.innerHTML = `<svg width="${width}" height="12" aria-hidden="true">${inside}</svg>`;
    return holder.content.firstChild;
  }

  /** A button that switches something off and on again. */
  toggle(off, key, children, attributes = {}) {
    const button = element("button", {
      ...attributes,
      "aria-pressed": String(!off.has(key)),
      onclick: () => {
        if (!off.delete(key)) off.add(key);
        button.setAttribute("aria-pressed", String(!off.has(key)));
        this.act.changed();
      },
    }, ...children);
    return button;
  }

  kinds() {
    const { categories, categoriesOff } = this.selection;
    const sorted = categories.map((category, number) => ({ ...category, number }))
      .sort((a, b) => Number(b.isMessage) - Number(a.isMessage) || b.count - a.count);
    const boxes = sorted.map(({ name, count, number }) => {
      const box = element("input", {
        type: "checkbox", checked: "",
        onchange: () => {
          if (box.checked) categoriesOff.delete(number);
          else categoriesOff.add(number);
          this.act.changed();
        },
      });
      return element("label", {}, box, ` ${name} `, element("span", { class: "number" }, count.toLocaleString("en")));
    });
    const all = (on) => element("button", {
      onclick: () => {
        categories.forEach((_, number) => (on ? categoriesOff.delete(number) : categoriesOff.add(number)));
        byId("kinds").querySelectorAll("input").forEach((box) => (box.checked = on));
        this.act.changed();
      },
    }, on ? "All" : "None");
    byId("kinds").replaceChildren(element("p", {}, all(true), " ", all(false)), ...boxes);
  }

  /** The lanes' names, as buttons beside the picture. */
  names() {
    const { model, view, selection } = this;
    byId("names").replaceChildren(...model.lanes.map((lane, number) => {
      const at = view.lanes[number];
      const last = lane.roles.findLast((part) => part.t0 <= view.t1);
      const crashes = lane.outages.filter((outage) => outage.e >= 0).length;
      const more = lane.isNode && last
        ? element("small", {}, crashes ? `down ${count(crashes, "time")}` : "never down")
        : null;
      return this.toggle(selection.lanesOff, number, [lane.isNode ? lane.title : lane.name, more], {
        class: lane.isNode ? "node" : "client", style: `top:${at.top}px;height:${at.height}px`,
        title: `Hide or show ${lane.title}`, "aria-label": lane.title,
      });
    }));
  }

  /** Tells a chain; gives the numbers of its steps for the picture. */
  steps(chain, isDefault) {
    const told = this.story.tell(chain);
    const numbers = new Map();
    const { violation } = this.model;
    const isCourse = isDefault && !violation;
    byId("story-title").textContent = isCourse ? "The course of the run" : `What led to ${isDefault ? "the violation" : `event ${chain.start}`}`;
    let number = 0;
    byId("steps").replaceChildren(...told.map((step) => {
      if (step.isGap) return this.gap(step);
      number++;
      const isViolation = violation?.e === step.e;
      numbers.set(step.e, { number, isContext: step.isContext });
      const kind = isViolation ? "violation" : step.isContext ? "context" : "";
      return element("li", { class: kind, "data-event": step.e },
        element("span", { class: "badge" }, String(number)), this.line(step.e, step.text, step.isContext ? "meanwhile, " : ""));
    }));
    byId("story").scrollTop = byId("story").scrollHeight;
    return numbers;
  }

  /** Steps that are passed over, told one by one when asked for. */
  gap(step) {
    const item = element("li", { class: "gap" }, element("span", { class: "badge" }, "⋮"));
    const inner = element("div", {});
    const open = element("button", {
      class: "link", "aria-expanded": "false", title: "Tell these too",
      onclick: () => {
        const isOpen = open.getAttribute("aria-expanded") === "true";
        open.setAttribute("aria-expanded", String(!isOpen));
        if (isOpen) inner.lastChild.remove();
        else inner.append(element("ol", {}, ...step.steps.map(({ e, text }) => element("li", {}, this.line(e, text)))));
      },
    }, step.text);
    inner.append(open);
    item.append(inner);
    return item;
  }

  /** A button that says an event and chooses it. */
  line(e, text = this.words.say(e), before = "") {
    return element("button", { class: "link", onclick: () => this.act.choose(e) },
      element("time", {}, `${moment(this.events.time[e])} `), before, text, element("span", { class: "number" }, ` #${e}`));
  }

  /** Everything about the chosen event. */
  event(e) {
    byId("steps").querySelectorAll("li").forEach((item) => item.classList.toggle("chosen", item.dataset.event === String(e)));
    byId("chosen").classList.toggle("empty", e < 0);
    if (e < 0) {
      byId("event").replaceChildren(element("p", { class: "faint" }, "Choose an event in the picture, the list or the table."));
      return;
    }
    const { model, words } = this;
    const parts = [element("p", {}, element("strong", {}, words.say(e)), element("time", {}, ` at ${moment(this.events.time[e], 1e-6)}`))];
    const list = (title, some) => {
      if (!some.length) return;
      parts.push(element("h3", {}, some.length > 12 ? `${title} (${some.length}, the first 12)` : title),
        element("ul", {}, ...some.slice(0, 12).map((other) => element("li", {}, this.line(other)))));
    };
    list("Because of", model.causes(e));
    list("It led to", this.effects(e));
    const at = model.messageOf[e];
    if (at >= 0) {
      const { send, receive, again, end } = model.messages[at];
      list("The same message", [send, receive, again ? again.e : -1, end].filter((other) => other >= 0 && other !== e));
    }
    parts.push(element("p", { class: "acts" },
      element("button", { onclick: () => this.act.led(e) }, "What led here"),
      element("button", { onclick: () => this.act.came(e) }, "What came of it")));
    const json = this.events.json(e);
    const pretty = e === 0 ? JSON.stringify(json, null, 1) : JSON.stringify(json).replace(/,"/g, ',\n "').replace(/^\{/, "{\n ").replace(/\}$/, "\n}");
    parts.push(element("pre", { "aria-label": "The event in the trace" }, pretty));
    byId("event").replaceChildren(...parts);
    byId("chosen").scrollTop = 0;
  }

  /** What an event led to, by cause or by being its other end. */
  effects(e) {
    const all = new Set(this.events.effects(e));
    for (const [effect, causes] of this.model.alsoFrom) if (causes.includes(e)) all.add(effect);
    return [...all].sort((a, b) => a - b);
  }

  /** The events around a moment, of those that are shown. */
  table(around, chosen) {
    const { events, selection, model, words } = this;
    const rows = [];
    let before = around - 1;
    const back = (most) => {
      for (; before >= 0 && rows.length < most; before--) if (selection.showsEvent(before)) rows.unshift(before);
    };
    back(ROWS / 2);
    for (let e = around; e < events.size && rows.length < ROWS; e++) if (selection.showsEvent(e)) rows.push(e);
    back(ROWS);
    const marked = selection.chain;
    byId("rows").replaceChildren(...rows.map((e) => {
      const cause = events.cause[e];
      return element("tr", {
        class: marked && marked.marks[e] ? "chain" : null, "aria-selected": e === chosen ? "true" : null, "data-event": e,
      },
      element("td", { class: "number" }, `#${e}`), element("td", { class: "number" }, moment(events.time[e], 1e-6)),
      element("td", {}, words.who(e)), element("td", {}, model.kinds[model.kindOf[e]].name),
      element("td", { title: words.say(e) }, words.say(e)),
      element("td", { class: "number" }, cause >= 0 ? element("button", { class: "link", "data-cause": cause }, `#${cause}`) : ""));
    }));
    const near = byId("near");
    const target = rows.length ? byId("rows").children[Math.max(0, rows.findIndex((e) => e >= around))] : null;
    if (target) near.scrollTop = target.offsetTop - near.clientHeight / 2;
  }
}
