// --- the conversation: turns come, are stopped, asked again, judged, and found again after a refresh ---

let busy = false;
let chosen = null; // the turn one of whose numbers the person opened

const setBusy = (now) => { busy = now; document.body.classList.toggle("busy", now); };
const turnOf = (ident) => all(".turn", turns).find((turn) => turn.dataset.turn === ident);

// What goes with a question; gradio asks for it at the moment the question is sent.
function request(typed) {
  const asked = state.ask || typed || "";
  const told = {
    ...{ browser, conversation: state.conversation, turn: newId(), index: index(), replaces: state.replaces },
    ...{ filters: chosenFilters(), style: chosenStyle(), model: chosenModel(), most: Number(kept.get("most")) || null },
    typed: !state.ask,
  };
  state.ask = "";
  if (asked.trim()) { state.turn = told.turn; state.replaces = ""; leaveEditing(); }
  return [asked, JSON.stringify(told)];
}
window.rag = { request };

function ask(question, replaces = "") {
  if (busy) return;
  setBusy(true);
  state.ask = question;
  state.replaces = replaces;
  trigger("ask");
}

function place(ident) {
  const turn = document.createElement("article");
  turn.className = "turn";
  turn.dataset.turn = ident;
  turns.append(turn);
  document.body.classList.add("has-turns");
  const anew = find(".anew");
  if (anew) anew.hidden = false;
  return turn;
}

watch("value", () => {
  const step = props.value;
  if (!step) return;
  if (step.notice) toast(step.notice);
  if (!step.html) return;
  let turn = turnOf(step.turn);
  const fresh = !turn;
  if (fresh) {
    dropFrom(turnOf(step.replaces));
    turn = place(step.turn);
    setBusy(true);
  }
  const made = document.createElement("template");
  made.innerHTML = step.html; // made by rag/apps/chat_view.py, which escapes every word
  update(turn, made.content);
  const over = step.verdict || step.trouble;
  turn.setAttribute("aria-busy", over ? "false" : "true");
  if (fresh) toTop(turn);
  if (over) finish(turn);
});

function dropFrom(turn) {
  while (turn) {
    const next = turn.nextElementSibling;
    turn.remove();
    turn = next;
  }
}

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

function finish(turn) {
  setBusy(false);
  say(all(".verdict, .part, .short, .statement", turn).map((part) => part.textContent).join(" "));
  if (phone.matches) return;
  if (chosen === turn && opener) { // somebody is reading a passage already
    const { path, spans } = opener.dataset;
    const again = all(".cite, .source", turn).find((b) => b.dataset.path === path && b.dataset.spans === spans);
    if (again) { current(again); return; }
  }
  const first = find(".cite", turn);
  if (first) show(first, { quiet: true });
  else goHome();
}

window.addEventListener("rag:settled", () => {
  turns.dataset.settled = Number(turns.dataset.settled ?? 0) + 1;
  setBusy(false);
  state.ask = "";
  const last = turns.lastElementChild;
  if (!last || last.getAttribute("aria-busy") !== "true") return;
  last.setAttribute("aria-busy", "false");
  all(".waiting, .draft", last).forEach((part) => part.remove());
  last.insertAdjacentHTML(
    "beforeend",
    '<div class="answer problem"><p class="verdict">This question could not be answered</p>' +
      '<p class="verdict-note">Something went wrong here; the window that runs the page says what. ' +
      "You can go on asking.</p></div>" +
      '<div class="actions"><button type="button" class="act last-only retry">Retry</button></div>',
  );
  say("This question could not be answered");
});

const stop = () => call("stop", { turn: turns.lastElementChild?.dataset.turn ?? state.turn });

// --- a question said better ---

function edit(turn) {
  const field = find("#question textarea");
  state.replaces = turn.dataset.turn;
  document.body.classList.add("editing");
  turn.classList.add("edited");
  write(field, find(".asked", turn).textContent);
  field.focus();
  field.select();
  say("Editing the last question; Escape leaves it as it is");
}

function leaveEditing(clear = false) {
  if (!document.body.classList.contains("editing")) return;
  document.body.classList.remove("editing");
  all(".edited").forEach((turn) => turn.classList.remove("edited"));
  if (clear) { state.replaces = ""; write(find("#question textarea"), ""); }
}

function write(field, text) {
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

// --- what can be done with an answer ---

function inWords(turn) {
  const said = all(".short, .statement, .side-text, .not-found .verdict", turn).map((part) => part.textContent.trim());
  const sources = all(".source", turn).map((row) => {
    const [number, title, line] = [".source-number", ".source-title", ".source-line"].map((name) => find(name, row).textContent);
    return `[${number}] ${title} (${line})`;
  });
  return [find(".asked", turn).textContent, said.join("\n"), sources.join("\n")].filter(Boolean).join("\n\n");
}

async function judge(turn, way) {
  const button = find(`.thumb.${way}`, turn);
  const now = button.getAttribute("aria-pressed") !== "true";
  all(".thumb", turn).forEach((other) => other.setAttribute("aria-pressed", String(now && other === button)));
  const form = find(".reasons", turn);
  form.hidden = !now;
  form.classList.toggle("good", way === "up");
  find(".reasons-lead", form).textContent = way === "up" ? "What was good about it?" : "What was wrong?";
  if (!now) find(".reason", form).value = "";
  await rate(turn);
  if (now) form.scrollIntoView({ block: "nearest" });
  if (now && way === "down") find(".chip", form).focus({ preventScroll: true });
}

function rate(turn) {
  const thumb = find('.thumb[aria-pressed="true"]', turn)?.dataset.thumb ?? "";
  return call("rate", { turn: turn.dataset.turn, thumb, reason: find(".reason", turn).value });
}

async function reasoned(form) {
  form.hidden = true;
  if (await rate(form.closest(".turn"))) toast("Thank you, that was noted.");
}

async function why(turn, button) {
  const drawer = find(".why-drawer", turn);
  const open = drawer.hidden;
  button.setAttribute("aria-expanded", String(open));
  if (open) {
    const reply = await call("why", { turn: turn.dataset.turn });
    if (!reply) return;
    drawer.innerHTML = reply.html; // made by rag/apps/chat_why.py
  }
  drawer.hidden = !open;
  if (open) button.scrollIntoView({ block: "start" }); // under.css leaves some room above
}

// --- a conversation that was kept ---

async function openConversation(ident, { quiet = false } = {}) {
  const reply = await call("conversation", { conversation: ident, most: Number(kept.get("most")) || null });
  if (!reply) return;
  if (reply.gone) { if (!quiet) toast("That conversation is gone."); return; }
  state.conversation = tab.set("conversation", ident);
  tab.set("model", reply.model);
  chosen = null;
  turns.replaceChildren();
  for (const one of reply.turns) {
    const turn = place(one.turn);
    turn.innerHTML = one.html; // made by rag/apps/chat_view.py
    turn.setAttribute("aria-busy", "false");
  }
  const last = turns.lastElementChild;
  if (!last) return;
  toTop(last);
  await arrived;
  if (reply.shelf && reply.shelf !== shelf()) await goTo(reply.shelf);
  syncSettings(); // it goes on with the model it was held with
  if (last.isConnected && !chosen) finish(last); // unless somebody has opened a passage meanwhile
}

function newConversation() {
  if (busy) stop();
  state.conversation = tab.set("conversation", newId());
  tab.set("model", "");
  syncSettings();
  leaveEditing(true);
  turns.replaceChildren();
  document.body.classList.remove("has-turns");
  find(".anew").hidden = true;
  goHome();
  find("#question textarea").focus();
}

const arrival = () => new Promise((resolve) => window.addEventListener("rag:arrived", resolve, { once: true }));
const arrived = arrival();

function goTo(name) {
  tab.set("index", kept.set("index", name));
  find(".upload").hidden = true;
  const there = arrival();
  trigger("arrive");
  return there;
}
