// Runs once, when gradio has put the conversation's place on the page. Gradio hands in: element (that place), trigger,
// props, server (the functions of rag/apps/chat_doors.py) and watch. The files of this script run as one, in the order
// of rag/apps/chat_look.py.

const find = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const turns = element.querySelector(".turns");
const status = element.querySelector("[role=status]");
const phone = window.matchMedia("(max-width: 860px)");
const say = (text) => { status.textContent = text; };

// --- what is remembered: in the browser, and in this tab; a browser that allows neither forgets with the page ---

const forgotten = new Map();
const box = (name) => ({
  get(key) { try { return window[name].getItem(`rag.${key}`) ?? ""; } catch { return forgotten.get(name + key) ?? ""; } },
  set(key, value) { try { window[name].setItem(`rag.${key}`, value); } catch { forgotten.set(name + key, value); } return value; },
});
const kept = box("localStorage");
const tab = box("sessionStorage");
const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");
const browser = kept.get("browser") || kept.set("browser", newId());
const state = { conversation: tab.get("conversation") || tab.set("conversation", newId()), replaces: "", ask: "", turn: "" };

// --- the server ---

const index = () => find(".masthead")?.dataset.index ?? "";
const shelf = () => find(".masthead")?.dataset.shelf ?? "";

async function call(name, told = {}) {
  let reply;
  try {
    reply = await server[name]({ browser, conversation: state.conversation, index: index(), ...told });
  } catch (error) {
    toast("The page gets no answer from its server. Is it still running?");
    return null;
  }
  if (reply?.problem) { toast(reply.problem); return null; }
  return reply;
}

// --- a word at the foot of the page, with one thing to do about it ---

let toasted = 0;
const toaster = document.createElement("div");
toaster.id = "toast";
toaster.setAttribute("role", "status");
toaster.hidden = true;
(find(".gradio-container") ?? document.body).append(toaster);

function toast(text, label = "", act = null) {
  clearTimeout(toasted);
  const said = document.createElement("span");
  said.textContent = text;
  toaster.replaceChildren(said);
  if (act) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "act";
    button.textContent = label;
    button.addEventListener("click", () => { toaster.hidden = true; act(); });
    toaster.append(button);
  }
  toaster.hidden = false;
  toasted = setTimeout(() => { toaster.hidden = true; }, act ? 12000 : 7000);
}

function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 5000);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // not allowed, or a page that is not on this machine and has no clipboard
    const place = document.createElement("textarea");
    place.value = text;
    place.className = "unseen";
    document.body.append(place);
    place.select();
    document.execCommand("copy");
    place.remove();
  }
}
