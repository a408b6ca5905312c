// Starts the page; with #test in the address the page looks at itself and writes what it found into the document.

const faultsOfPage = [];
window.addEventListener("error", (event) => faultsOfPage.push(`${event.message} (line ${event.lineno})`));

/** Does what a reader does, and notes what is then shown. */
function lookAtItself(page) {
  const { model, events, selection, drawing, view } = page;
  const seen = {
    events: events.size, lanes: model.lanes.length, messages: model.messages.length, faults: model.faults.length,
    violations: model.violations.length, operations: model.lanes.reduce((sum, lane) => sum + lane.operations.length, 0),
    lost: model.fateCounts[FATE.lost], doubled: model.doubled, steps: byId("steps").children.length,
    headline: byId("headline").textContent, law: byId("law").textContent, lastStep: byId("steps").lastChild.textContent,
    firstArrows: drawing.drawn.arrows, firstHits: drawing.hits.length, firstSpan: view.span,
    violationInView: model.violation ? model.violation.t >= view.t0 && model.violation.t <= view.t1 : null,
    unpackMs: Math.round(page.times.unpackMs),
  };
  seen.firstPixels = inked(byId("timeline"));
  page.fit();
  page.render();
  Object.assign(seen, { fitDrawMs: Math.round(page.times.drawMs), fitSummed: drawing.drawn.summed, fitArrows: drawing.drawn.arrows });
  selection.lanesOff.add(0);
  page.changed();
  seen.withoutFirstLane = selection.counts();
  selection.lanesOff.clear();
  selection.fatesOff = new Set(FATES.map((_, fate) => fate).filter((fate) => fate !== FATE.lost));
  seen.onlyLost = selection.counts().messages;
  selection.fatesOff = new Set();
  const beats = selection.categories.findIndex(({ name }) => name === "message: heartbeat");
  selection.categoriesOff.add(beats);
  seen.withoutHeartbeats = selection.counts();
  selection.categoriesOff.clear();
  page.led(page.story.defaultStart());
  page.render();
  seen.led = selection.counts();
  seen.ledRows = byId("rows").children.length;
  seen.ledIsClosed = [...selection.only.marks].every((mark, e) => !mark || selection.only.context.has(e) || model.causes(e).every((cause) => selection.only.marks[cause]));
  page.letGo();
  page.search("kind=violation");
  page.step(1);
  seen.searched = selection.matches.length;
  seen.chosen = selection.chosen;
  seen.chosenText = byId("event").querySelector("pre")?.textContent;
  const first = byId("event").querySelector("ul button");
  if (first) first.click();
  seen.causeOfChosen = selection.chosen;
  page.came(0);
  seen.came = selection.counts().events;
  page.letGo();
  page.zoom(0.01);
  page.render();
  Object.assign(seen, { zoomDrawMs: Math.round(page.times.drawMs), zoomSpan: view.span, all: selection.counts() });
  seen.errors = faultsOfPage;
  return seen;
}

/** How many different colours a canvas shows: an empty one shows one. */
function inked(canvas) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let at = 0; at < data.length; at += 4 * 7) colours.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
  return colours.size;
}

function begin() {
  const isTest = location.hash === "#test";
  try {
    const page = new Page(JSON.parse(byId("packed").textContent));
    page.start();
    const openMs = Math.round(performance.now());
    if (isTest) document.body.append(element("pre", { id: "seen", hidden: "" }, JSON.stringify({ openMs, ...lookAtItself(page) })));
  } catch (error) {
    byId("headline").textContent = `This page failed: ${error.message}`;
    if (isTest) document.body.append(element("pre", { id: "seen", hidden: "" }, JSON.stringify({ errors: [`${error.stack}`] })));
    throw error;
  }
}

begin();
