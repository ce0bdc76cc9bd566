// Runs once, when gradio has put the conversation's place on the page. Gradio hands in: element (that place), trigger,
// props, server (the functions of this page's Python side) and watch. See rag/apps/chat.py for how a click travels.

const turns = element.querySelector(".turns");
const status = element.querySelector("[role=status]");
const find = (selector) => document.querySelector(selector);
const phone = window.matchMedia("(max-width: 860px)");
let opener = null; // the button whose passage the panel shows
let asked = 0; // counts the articles asked for, so that a late reply never overwrites a newer one
let chosen = null; // the turn one of whose numbers the person opened
let busy = false;

const setBusy = (now) => { busy = now; document.body.classList.toggle("busy", now); };
const say = (text) => { status.textContent = text; };

// --- the conversation ---

watch("value", () => {
  const step = props.value;
  if (!step) return;
  let turn = turns.querySelector(`[data-turn="${step.turn}"]`);
  const fresh = !turn;
  if (fresh) {
    turn = document.createElement("article");
    turn.className = "turn";
    turn.dataset.turn = step.turn;
    turns.append(turn);
    document.body.classList.add("has-turns");
    const anew = find(".anew");
    if (anew) anew.hidden = false;
    setBusy(true);
  }
  const place = document.createElement("template");
  place.innerHTML = step.html; // made by rag/apps/chat_view.py, which escapes every word
  update(turn, place.content);
  turn.setAttribute("aria-busy", step.verdict || turn.querySelector(".problem") ? "false" : "true");
  if (fresh) toTop(turn);
  if (step.verdict) finish(turn, step.verdict);
});

// What has not changed stays the element it is: while a model writes, a number can be clicked and keeps the focus.
function update(old, now) {
  const fresh = [...now.childNodes];
  fresh.forEach((node, place) => {
    const there = old.childNodes[place];
    if (!there) old.append(node);
    else if (there.isEqualNode(node)) return;
    else if (there.nodeType === Node.ELEMENT_NODE && bare(there).isEqualNode(bare(node))) update(there, node);
    else there.replaceWith(node);
  });
  while (old.childNodes.length > fresh.length) old.lastChild.remove();
}

function bare(node) {
  const shell = node.cloneNode(false);
  shell.removeAttribute?.("aria-current");
  return shell;
}

// A new question goes to the top of the column; talk.css keeps room below it, so that it stays there as its answer grows.
function toTop(turn) {
  const scroll = find("#scroll");
  // one pixel more hides the rule above the question under the masthead's own
  scroll.scrollTop += turn.getBoundingClientRect().top - scroll.getBoundingClientRect().top + 1;
}

function finish(turn, verdict) {
  setBusy(false);
  const words = [...turn.querySelectorAll(".verdict, .part, .short, .statement")].map((part) => part.textContent);
  say(words.join(" "));
  if (phone.matches) return;
  if (chosen === turn && opener) { // somebody is reading a passage already
    const { path, spans } = opener.dataset;
    const again = [...turn.querySelectorAll(".cite, .source")].find((b) => b.dataset.path === path && b.dataset.spans === spans);
    if (again) { current(again); return; }
  }
  const first = turn.querySelector(".cite");
  if (first) show(first, { quiet: true });
  else goHome();
}

window.addEventListener("rag:settled", () => {
  setBusy(false);
  delete turns.dataset.ask;
  const last = turns.lastElementChild;
  if (!last || last.getAttribute("aria-busy") !== "true") return;
  last.setAttribute("aria-busy", "false");
  last.querySelectorAll(".waiting, .draft").forEach((part) => part.remove());
  last.insertAdjacentHTML(
    "beforeend",
    '<div class="answer problem"><p class="verdict">This question could not be answered</p>' +
      '<p class="verdict-note">Something went wrong here; the window that runs the page says what. ' +
      "You can go on asking.</p></div>",
  );
  say("This question could not be answered");
});

function ask(question) {
  if (busy) return;
  setBusy(true);
  turns.dataset.ask = question;
  trigger("ask");
}

// --- the article beside it ---

async function show(button, { quiet = false } = {}) {
  const turn = ++asked;
  const { path, spans, kind } = button.dataset;
  if (!quiet) chosen = button.closest(".turn");
  let reply;
  try {
    reply = await server.open_article({ path, spans, kind });
  } catch (error) {
    say("The article could not be opened");
    if (!quiet) throw error;
    return;
  }
  if (turn !== asked) return;
  current(button);
  find(".panel-article").innerHTML = reply.html; // escaped by rag/apps/chat_view.py
  find(".panel-title").textContent = reply.title;
  find(".panel-what").textContent = button.dataset.what ?? "";
  find(".panel").classList.add("reading");
  find(".panel").classList.remove("scrolled");
  if (!quiet) openSheet();
  bringIntoView();
  if (!quiet) say(`${reply.title}: the passage is shown beside the answer`);
}

function current(button) {
  document.querySelectorAll("[data-path][aria-current]").forEach((other) => other.removeAttribute("aria-current"));
  opener = button;
  button?.setAttribute("aria-current", "true");
}

function bringIntoView() {
  const view = find(".panel-view");
  const mark = view.querySelector("mark");
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
  asked++;
  current(null);
  find(".panel")?.classList.remove("reading");
  const view = find(".panel-view");
  if (view) view.scrollTop = 0;
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
  find(".panel-close").focus({ preventScroll: true });
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
    const head = event.target.querySelector(".headline, .paper-title, .paper-head");
    const gone = head && head.getBoundingClientRect().bottom < event.target.getBoundingClientRect().top;
    find(".panel").classList.toggle("scrolled", Boolean(gone));
  },
  true, // scrolling does not bubble
);

// --- one listener for every button, as answers come and go ---

document.addEventListener("click", (event) => {
  const target = event.target.closest?.("button, summary, a");
  const shelf = find("details.shelf[open]");
  if (shelf && !shelf.contains(event.target)) shelf.open = false;
  if (event.target.id === "side" && document.body.classList.contains("sheet")) leaveSheet();
  if (!target) return;
  if (target.dataset.path !== undefined) show(target);
  else if (target.dataset.ask) ask(target.dataset.ask);
  else if (target.matches(".panel-home")) goHome();
  else if (target.matches(".panel-close")) leaveSheet();
  else if (target.matches(".anew")) window.location.reload();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const shelf = find("details.shelf[open]");
  if (shelf) shelf.open = false;
  else if (document.body.classList.contains("sheet")) leaveSheet();
});
