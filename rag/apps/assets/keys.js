// --- filters and settings ---

function chosenFilters() {
  const form = find(".filters form");
  if (!form) return {};
  const told = new FormData(form);
  return { sources: told.getAll("source"), after: told.get("after") || "", before: told.get("before") || "" };
}

const inDays = (day) => new Date(`${day}T12:00`).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });

function sayFilters() {
  const said = find(".filters-said");
  if (!said) return;
  const { sources, after, before } = chosenFilters();
  const parts = [
    sources.length > 2 ? `${sources.length} outlets` : sources.join(" or "),
    after && `since ${inDays(after)}`,
    before && `until ${inDays(before)}`,
  ].filter(Boolean);
  said.textContent = parts.length ? `Only ${parts.join(", ")}` : "All articles";
  said.parentElement.classList.toggle("narrowed", parts.length > 0);
}

const SETTINGS = ["style", "most", "theme"];
const system = window.matchMedia("(prefers-color-scheme: dark)");

function dress() {
  const theme = kept.get("theme") || (system.matches ? "dark" : "light");
  document.body.classList.toggle("dark", theme === "dark");
}

function syncSettings() {
  const form = find(".settings form");
  if (!form) return;
  const usable = (name) => all(`[name=${name}]`, form).filter((field) => !field.disabled);
  for (const name of SETTINGS) {
    const value = kept.get(name) || (name === "style" ? form.dataset.style : "");
    const chosenOne = usable(name).find((field) => field.value === value);
    if (chosenOne) chosenOne.checked = true;
  }
  if (find("[value=fluent]", form).disabled) find("[value=quotes]", form).checked = true;
  const model = tab.get("model") || kept.get("model");
  const models = usable("model");
  const one = models.find((field) => field.value === model) ?? models[0];
  if (one) one.checked = true;
  sayModels(form);
  find(".anew").hidden = !turns.children.length;
}

const chosenIn = (form, name) => (form && find(`[name=${name}]:checked`, form)?.value) || "";
const chosenModel = () => chosenIn(find(".settings form"), "model");
const chosenStyle = () => chosenIn(find(".settings form"), "style") || kept.get("style") || "quotes";

// A model is chosen for whole sentences; quotes need none.
function sayModels(form) {
  const models = find(".models", form);
  models.disabled = chosenIn(form, "style") === "quotes" && find("[name=model]", models) !== null;
}

document.addEventListener("change", (event) => {
  const field = event.target;
  if (field.closest?.(".settings") && [...SETTINGS, "model"].includes(field.name)) {
    kept.set(field.name, field.value);
    if (field.name === "theme") dress();
    if (field.name === "model") tab.set("model", field.value);
    if (field.name === "style") sayModels(field.form);
  }
  if (field.closest?.(".filters")) sayFilters();
});
document.addEventListener("reset", () => setTimeout(sayFilters));

// --- one listener for every button, as answers come and go ---

const within = (button) => button.closest(".turn");
const CLICKS = {
  "[data-path]": (b) => show(b),
  "[data-ask]": (b) => ask(b.dataset.ask),
  "[data-step]": (b) => step(Number(b.dataset.step)),
  "[data-index]": (b) => { newConversation(); goTo(b.dataset.index); },
  "[data-talk-act]": talkAct,
  "[data-reason]": (b) => {
    find(".reason", b.form).value = b.dataset.reason;
    reasoned(b.form);
  },
  ".panel-home": () => goHome(),
  ".panel-close": () => leaveSheet(),
  ".articles-open": () => { goHome(); openSheet(); },
  ".anew, .talks-new": () => { closeTalks(); newConversation(); },
  ".talks-open": () => openTalks(),
  ".talks-close": () => closeTalks(),
  ".talk-open": async (b) => {
    const ident = b.closest(".talk").dataset.talk;
    closeTalks();
    if (busy) await stop();
    await openConversation(ident);
  },
  "#halt": () => stop(),
  ".copy": async (b) => { await copy(inWords(within(b))); toast("Copied, with its sources."); },
  ".why": (b) => why(within(b), b),
  ".retry": (b) => ask(find(".asked", within(b)).textContent, within(b).dataset.turn),
  ".edit": (b) => edit(within(b)),
  ".thumb": (b) => judge(within(b), b.dataset.thumb),
  ".add": () => find(".bring").click(),
  ".upload-close": () => { find(".upload").hidden = true; },
  ".remove": (b) => remove(b),
};

function closePops(except = null) {
  all("details.pop[open], .talk-more[open]").forEach((pop) => { if (!pop.contains(except)) pop.open = false; });
}

document.addEventListener("click", (event) => {
  closePops(event.target);
  if (event.target.id === "side" && document.body.classList.contains("sheet")) leaveSheet();
  if (event.target === ground()) closeTalks();
  const button = event.target.closest?.("button");
  if (!button) return;
  const known = Object.keys(CLICKS).find((selector) => button.matches(selector));
  if (known) CLICKS[known](button);
});

document.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.target.matches(".reasons")) reasoned(event.target);
});

const isTyping = (node) => node.matches?.("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const open = find("details.pop[open]");
    if (open) { open.open = false; find("summary", open).focus(); }
    else if (!ground().hidden) closeTalks();
    else if (document.body.classList.contains("editing")) leaveEditing(true);
    else if (document.body.classList.contains("sheet")) leaveSheet();
    else if (busy) stop();
    return;
  }
  if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    event.preventDefault();
    find("#question textarea").focus();
  }
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (by && opener && find(".panel").classList.contains("reading") && step(by, within(event.target) !== null)) event.preventDefault();
});

// --- and so it begins ---

window.addEventListener("rag:arrived", () => { syncSettings(); sayFilters(); list(); });
if (kept.get("theme")) dress();
syncSettings();
openConversation(state.conversation, { quiet: true });
