// What the reader does, and what the page does then.

class Page {
  constructor(packed) {
    const began = performance.now();
    this.model = new Model(new Events(packed));
    this.events = this.model.events;
    this.words = new Words(this.model);
    this.story = new Story(this.model, this.words);
    this.view = new View(this.model);
    this.selection = new Selection(this.model);
    this.drawing = new Drawing(this.model, this.view, this.selection, this.words);
    this.axis = new Axis(this.drawing);
    this.overview = new Overview(this.drawing);
    this.panels = new Panels(this);
    this.times = { unpackMs: performance.now() - began, drawMs: 0 };
    this.found = -1;
    this.isQueued = false;
    this.view.readColours();
  }

  start() {
    this.panels.head();
    this.panels.kinds();
    this.panels.legend();
    this.tell(this.story.defaultStart(), true);
    this.view.show(...this.story.firstStretch(this.told));
    this.resize();
    this.listen();
    this.readAddress();
    this.panels.table(this.selection.chosen >= 0 ? this.selection.chosen : this.story.defaultStart(), this.selection.chosen);
    this.render();
  }

  /** Makes a chain the one that is told and emphasised. */
  tell(e, isDefault = false) {
    const isCourse = isDefault && !this.model.violation;
    this.selection.chain = isCourse ? this.story.course() : this.story.ledTo(e);
    this.drawing.numbers = this.panels.steps(this.selection.chain, isDefault);
    this.told = [...this.drawing.numbers.keys()].map((step) => ({ t: this.events.time[step] }));
  }

  resize() {
    const lanes = byId("lanes");
    this.view.layOut(byId("picture").clientWidth, lanes.clientHeight);
    byId("timeline").style.height = this.view.height + "px";
    this.overview.picture = null;
    this.panels.names();
    // At once: a canvas that waits for the next frame is shown stretched until then.
    this.render();
  }

  /** Draws at the next frame, once. */
  draw() {
    if (this.isQueued) return;
    this.isQueued = true;
    requestAnimationFrame(() => this.render());
  }

  render() {
    this.isQueued = false;
    const began = performance.now();
    const { view } = this;
    const [axis, overview] = [byId("axis"), byId("overview")];
    this.drawing.draw(fitCanvas(byId("timeline"), view.width, view.height));
    this.axis.draw(fitCanvas(axis, view.width, axis.clientHeight), axis.clientHeight);
    this.overview.draw(fitCanvas(overview, view.width, overview.clientHeight), view.width, overview.clientHeight);
    const { summed } = this.drawing.drawn;
    byId("summed").textContent = summed ? `${count(summed, "message")} summed up: zoom in for arrows` : "";
    this.times.drawMs = performance.now() - began;
    clearTimeout(this.writing);
    this.writing = setTimeout(() => this.writeAddress(), 300);
  }

  /** A filter has changed. */
  changed() {
    this.panels.table(this.selection.chosen >= 0 ? this.selection.chosen : this.events.firstAt((this.view.t0 + this.view.t1) / 2), this.selection.chosen);
    this.draw();
  }

  choose(e, { isQuiet = false } = {}) {
    this.selection.chosen = e;
    this.panels.event(e);
    if (e >= 0 && !isQuiet) this.view.bring(this.events.time[e]);
    if (e >= 0) this.panels.table(e, e);
    this.draw();
  }

  /** Tells what led to an event, and shows nothing else. */
  led(e) {
    this.tell(e, e === this.story.defaultStart());
    this.show("led");
  }

  came(e) {
    this.selection.chosen = e;
    this.show("came");
  }

  /** What is shown: "all", "led" (to what the story tells of) or "came" (of the chosen event). */
  show(what) {
    byId("focus").value = what;
    const { selection } = this;
    const start = selection.chosen >= 0 ? selection.chosen : this.story.defaultStart();
    selection.only = what === "led" ? selection.chain : what === "came" ? this.story.cameOf(start) : null;
    this.changed();
  }

  fit() {
    this.view.show(0, this.events.lasts);
    this.draw();
  }

  toViolation() {
    const { violation } = this.model;
    if (!violation) return;
    const span = Math.min(this.view.span, 2);
    this.view.show(violation.t - span * 0.8, violation.t + span * 0.2);
    this.choose(violation.e);
  }

  search(query) {
    const { selection } = this;
    selection.search(query);
    this.found = -1;
    byId("matches").textContent = selection.matches ? count(selection.matches.length, "match", "matches") : "";
    this.draw();
  }

  /** To the match after or before where the reader is. */
  step(by) {
    const { matches, chosen } = this.selection;
    if (!matches || !matches.length) return;
    if (this.found < 0) {
      const from = firstNotBelow(matches, chosen >= 0 ? chosen : this.events.firstAt(this.view.t0));
      this.found = by > 0 ? from % matches.length : (from - 1 + matches.length) % matches.length;
    } else this.found = (this.found + by + matches.length) % matches.length;
    byId("matches").textContent = `${this.found + 1} of ${count(matches.length, "match", "matches")}`;
    this.choose(matches[this.found]);
  }

  /** To the next event that is shown, or the one before. */
  walk(by) {
    const { selection } = this;
    let e = selection.chosen >= 0 ? selection.chosen + by : this.events.firstAt((this.view.t0 + this.view.t1) / 2);
    while (e >= 0 && e < this.events.size && !selection.showsEvent(e)) e += by;
    if (e >= 0 && e < this.events.size) this.choose(e);
  }

  letGo() {
    byId("search").value = "";
    this.search("");
    this.tell(this.story.defaultStart(), true);
    this.choose(-1);
    this.show("all");
    document.querySelectorAll(".menu[open]").forEach((menu) => menu.removeAttribute("open"));
  }

  listen() {
    const on = (id, event, act) => byId(id).addEventListener(event, act);
    on("zoom-in", "click", () => this.zoom(0.5));
    on("zoom-out", "click", () => this.zoom(2));
    on("fit", "click", () => this.fit());
    on("to-violation", "click", () => this.toViolation());
    byId("to-violation").disabled = !this.model.violation;
    on("focus", "change", () => {
      if (byId("focus").value === "led" && this.selection.chosen >= 0) this.led(this.selection.chosen);
      else this.show(byId("focus").value);
    });
    on("search", "input", () => this.search(byId("search").value));
    on("search", "keydown", (event) => event.key === "Enter" && this.step(event.shiftKey ? -1 : 1));
    on("next", "click", () => this.step(1));
    on("previous", "click", () => this.step(-1));
    on("rows", "click", (event) => {
      const cause = event.target.closest("[data-cause]");
      const row = event.target.closest("tr");
      if (cause) this.choose(Number(cause.dataset.cause));
      else if (row) this.choose(Number(row.dataset.event));
    });
    this.listenToPointer();
    this.listenToOverview();
    window.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.resize()).observe(byId("picture"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.view.readColours();
      this.drawing.patterns.clear();
      this.overview.picture = null;
      this.draw();
    });
    window.addEventListener("hashchange", () => location.hash !== this.written && this.readAddress());
  }

  zoom(factor, x) {
    this.view.zoom(factor, x);
    this.draw();
  }

  listenToPointer() {
    const lanes = byId("lanes");
    const at = (event) => {
      const box = byId("timeline").getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    lanes.addEventListener("wheel", (event) => {
      event.preventDefault();
      const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
      if (isSideways) this.move(((event.deltaX || event.deltaY) / 600) * this.view.span);
      else this.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 300))), Math.max(NAMES_W, at(event)[0]));
    }, { passive: false });
    let from = null;
    byId("timeline").addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      from = { x: event.clientX, y: event.clientY, t0: this.view.t0, t1: this.view.t1, top: lanes.scrollTop, hasMoved: false };
      byId("timeline").setPointerCapture(event.pointerId);
    });
    byId("timeline").addEventListener("pointermove", (event) => {
      if (!from) return this.point(...at(event));
      const moved = event.clientX - from.x;
      if (!from.hasMoved && Math.hypot(moved, event.clientY - from.y) < 4) return;
      from.hasMoved = true;
      lanes.classList.add("dragging");
      byId("tip").hidden = true;
      this.view.show(from.t0 - moved * this.view.step, from.t1 - moved * this.view.step);
      lanes.scrollTop = from.top - (event.clientY - from.y);
      this.draw();
    });
    byId("timeline").addEventListener("pointerup", (event) => {
      lanes.classList.remove("dragging");
      if (from && !from.hasMoved) this.click(...at(event));
      from = null;
    });
    byId("timeline").addEventListener("pointerleave", () => (byId("tip").hidden = true));
    byId("timeline").addEventListener("dblclick", (event) => this.zoom(0.25, at(event)[0]));
  }

  click(x, y) {
    const e = this.drawing.at(x, y);
    if (e >= 0) this.choose(e, { isQuiet: true });
    else this.panels.table(this.events.firstAt(this.view.t(x)), -1);
  }

  /** Says what is under the pointer. */
  point(x, y) {
    const tip = byId("tip");
    const e = x > NAMES_W ? this.drawing.at(x, y) : -1;
    tip.hidden = e < 0;
    byId("lanes").style.cursor = e < 0 ? "" : "pointer";
    if (e < 0) return;
    tip.replaceChildren(element("time", {}, moment(this.events.time[e], 1e-6) + " "), this.words.say(e),
      element("span", { class: "number" }, ` #${e}`));
    const top = y - byId("lanes").scrollTop + byId("axis").clientHeight;
    tip.style.left = Math.max(4, Math.min(x + 14, this.view.width - tip.offsetWidth - 8)) + "px";
    tip.style.top = (top + tip.offsetHeight + 24 > byId("picture").clientHeight ? top - tip.offsetHeight - 10 : top + 16) + "px";
  }

  listenToOverview() {
    const canvas = byId("overview");
    let grip = null;
    const t = (event) => this.overview.t(event.clientX - canvas.getBoundingClientRect().left, this.view.width);
    canvas.addEventListener("pointerdown", (event) => {
      const at = t(event);
      const isInside = at >= this.view.t0 && at <= this.view.t1;
      grip = isInside ? at - this.view.t0 : this.view.span / 2;
      canvas.setPointerCapture(event.pointerId);
      this.view.show(at - grip, at - grip + this.view.span);
      this.draw();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (grip === null) return;
      this.view.show(t(event) - grip, t(event) - grip + this.view.span);
      this.draw();
    });
    canvas.addEventListener("pointerup", () => (grip = null));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 300))));
    }, { passive: false });
  }

  move(seconds) {
    this.view.show(this.view.t0 + seconds, this.view.t1 + seconds);
    this.draw();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") return this.letGo();
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const acts = {
      ArrowLeft: () => this.move(-this.view.span / 8),
      ArrowRight: () => this.move(this.view.span / 8),
      "+": () => this.zoom(0.5),
      "=": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      f: () => this.fit(),
      v: () => this.toViolation(),
      j: () => this.walk(1),
      k: () => this.walk(-1),
      c: () => this.selection.chosen >= 0 && this.model.causes(this.selection.chosen).length && this.choose(this.model.causes(this.selection.chosen)[0]),
      l: () => (this.selection.only ? this.show("all") : this.led(this.selection.chosen >= 0 ? this.selection.chosen : this.story.defaultStart())),
      n: () => this.step(1),
      N: () => this.step(-1),
      "/": () => byId("search").focus(),
      "?": () => document.querySelector(".menu.right").toggleAttribute("open"),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  /** The address says what is shown, so that it can be sent to another reader: #from=1.5&to=2&event=7&show=led. */
  writeAddress() {
    const { selection, view } = this;
    const parts = [`from=${view.t0.toFixed(6)}`, `to=${view.t1.toFixed(6)}`];
    if (selection.chosen >= 0) parts.push(`event=${selection.chosen}`);
    if (selection.only) parts.push(`show=${byId("focus").value}`);
    this.written = "#" + parts.join("&");
    history.replaceState(null, "", this.written);
  }

  readAddress() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const number = (name) => (asked.has(name) && asked.get(name) !== "" ? Number(asked.get(name)) : NaN);
    const e = number("event");
    if (Number.isInteger(e) && e >= 0 && e < this.events.size) this.choose(e);
    if (asked.has("fit")) this.fit();
    if (number("from") < number("to")) this.view.show(number("from"), number("to"));
    if (asked.has("search")) {
      byId("search").value = asked.get("search");
      this.search(asked.get("search"));
    }
    if (asked.get("show") === "led") this.led(this.selection.chosen >= 0 ? this.selection.chosen : this.story.defaultStart());
    if (asked.get("show") === "came") this.show("came");
    this.draw();
  }
}
