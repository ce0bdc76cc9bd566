// --- the article beside the conversation ---

let opener = null; // the button whose passage the panel shows
let wanted = 0; // counts the articles asked for, so that a late reply never overwrites a newer one

async function show(button, { quiet = false, focus = false } = {}) {
  const turn = ++wanted;
  const { path, spans, kind } = button.dataset;
  if (!quiet) chosen = button.closest(".turn");
  const reply = await call("open_article", { path, spans, kind });
  if (!reply || turn !== wanted) return;
  current(button);
  find(".panel-article").innerHTML = reply.html; // escaped by rag/apps/chat_html.py
  find(".panel-title").textContent = reply.title;
  find(".panel").classList.add("reading");
  find(".panel").classList.remove("scrolled");
  placeSteps(button);
  if (!quiet) openSheet();
  bringIntoView();
  if (focus) button.focus({ preventScroll: true });
  if (!quiet) say(`${reply.title}: the passage is shown beside the answer`);
}

function current(button) {
  all("[data-path][aria-current]").forEach((other) => other.removeAttribute("aria-current"));
  opener = button;
  button?.setAttribute("aria-current", "true");
}

function bringIntoView() {
  const view = find(".panel-view");
  const mark = find("mark", view);
  if (!mark) { view.scrollTop = 0; return; }
  const passage = mark.getBoundingClientRect();
  const frame = view.getBoundingClientRect();
  const room = Math.max(24, (frame.height - passage.height) / 3); // a third from the top, or its beginning if it is long
  view.scrollTop += passage.top - frame.top - room;
  mark.classList.remove("arrived");
  void mark.offsetWidth; // lets the same animation run again
  mark.classList.add("arrived");
}

function goHome() {
  wanted++;
  current(null);
  find(".panel")?.classList.remove("reading");
  const view = find(".panel-view");
  if (view) view.scrollTop = 0;
}

// --- from quote to quote, through all of an answer's numbers, or all passages that are close to it ---

function steps(button) {
  const turn = button?.closest(".turn");
  if (!turn) return [];
  for (const kind of [".cite", ".passage"]) {
    const found = all(kind, turn);
    if (button.matches(kind)) return found;
  }
  return button.matches(".source") ? all(".cite", turn) : [];
}

function stepOf(button, found) {
  const at = found.indexOf(button);
  return at >= 0 ? at : found.findIndex((other) => other.dataset.path === button.dataset.path);
}

function placeSteps(button) {
  const found = steps(button);
  const at = stepOf(button, found);
  find(".panel-steps").hidden = at < 0;
  if (at < 0) return;
  const what = button.matches(".passage") ? "Passage" : "Quote";
  find(".panel-what").textContent = found.length > 1 ? `${what} ${at + 1} of ${found.length}` : button.dataset.what;
  find(".step-back").hidden = find(".step-on").hidden = found.length < 2;
  find(".step-back").disabled = at === 0;
  find(".step-on").disabled = at === found.length - 1;
}

function step(by, focus = false) {
  const found = steps(opener);
  const next = found[stepOf(opener, found) + by];
  if (!next) return false;
  next.closest("details")?.setAttribute("open", "");
  show(next, { focus });
  if (!phone.matches) next.scrollIntoView({ block: "nearest" });
  return true;
}

// --- on a phone the panel is a sheet over the page; the phone's own back closes it ---

function openSheet() {
  if (!phone.matches || document.body.classList.contains("sheet")) return;
  document.body.classList.add("sheet");
  const side = find("#side");
  side.setAttribute("role", "dialog");
  side.setAttribute("aria-modal", "true");
  side.setAttribute("aria-label", "Article");
  for (const part of ["#talk", "#masthead"]) find(part).inert = true;
  history.pushState({ sheet: true }, "");
  find(find(".panel").classList.contains("reading") ? ".panel-close" : ".panel-view").focus({ preventScroll: true });
}

function closeSheet() {
  if (!document.body.classList.contains("sheet")) return;
  document.body.classList.remove("sheet");
  const side = find("#side");
  for (const name of ["role", "aria-modal", "aria-label"]) side.removeAttribute(name);
  for (const part of ["#talk", "#masthead"]) find(part).inert = false;
  opener?.focus({ preventScroll: true });
}

const leaveSheet = () => (history.state?.sheet ? history.back() : closeSheet());
window.addEventListener("popstate", closeSheet);
phone.addEventListener("change", () => { if (!phone.matches) closeSheet(); });

document.addEventListener(
  "scroll",
  (event) => {
    if (!event.target.matches?.(".panel-view")) return;
    const head = find(".headline, .paper-title, .paper-head", event.target);
    const gone = head && head.getBoundingClientRect().bottom < event.target.getBoundingClientRect().top;
    find(".panel").classList.toggle("scrolled", Boolean(gone));
  },
  true, // scrolling does not bubble
);
