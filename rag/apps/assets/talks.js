// --- the list of conversations ---

const ground = () => find(".talks-ground");

async function openTalks() {
  ground().hidden = false;
  find(".talks-open")?.setAttribute("aria-expanded", "true");
  for (const part of ["#desk", "#masthead"]) find(part).inert = true;
  await listTalks();
  find(".talks-search").focus({ preventScroll: true });
}

function closeTalks() {
  if (ground().hidden) return;
  ground().hidden = true;
  const button = find(".talks-open");
  button?.setAttribute("aria-expanded", "false");
  for (const part of ["#desk", "#masthead"]) find(part).inert = false;
  button?.focus({ preventScroll: true });
}

const made = (tag, name, text = "", more = {}) => {
  const node = document.createElement(tag);
  node.className = name;
  node.textContent = text;
  for (const [key, value] of Object.entries(more)) node.setAttribute(key, value);
  return node;
};

async function listTalks() {
  const search = find(".talks-search").value;
  const reply = await call("conversations", { search });
  if (!reply) return;
  const several = new Set(reply.list.map((one) => one.shelf)).size > 1;
  find(".talks-list").replaceChildren(
    ...reply.list.map((one) => {
      const row = made("li", "talk", "", { "data-talk": one.id });
      const open = made("button", "talk-open", "", { type: "button" });
      if (one.id === state.conversation) open.setAttribute("aria-current", "true");
      open.append(made("span", "talk-title", one.title), made("span", "talk-when", several ? `${one.when} · ${one.shelf}` : one.when));
      const more = made("details", "talk-more");
      more.append(made("summary", "icon more", "", { "aria-label": `More about ${one.title}` }));
      const menu = made("div", "talk-acts");
      for (const [name, text] of [["rename", "Rename"], ["markdown", "Markdown"], ["json", "JSON"], ["delete", "Delete"]]) {
        menu.append(made("button", "act", text, { type: "button", "data-talk-act": name }));
      }
      more.append(menu);
      row.append(open, more);
      return row;
    }),
  );
  const none = find(".talks-none");
  none.hidden = reply.list.length > 0;
  none.textContent = search ? "No conversation has these words." : "Nothing has been asked yet.";
}

async function talkAct(button) {
  const row = button.closest(".talk");
  const ident = row.dataset.talk;
  const act = button.dataset.talkAct;
  if (act === "rename") return renaming(row);
  if (act === "delete") {
    if (!(await call("delete", { conversation: ident }))) return;
    if (ident === state.conversation) { newConversation(); closeTalks(); }
    await listTalks();
    toast("The conversation was deleted.", "Undo", async () => {
      const reply = await call("restore", { conversation: ident });
      if (reply && !reply.done) toast("It is too late for that.");
      await listTalks();
    });
    return;
  }
  find("details", row).open = false;
  const reply = await call("take_along", { conversation: ident, form: act });
  if (reply) save(reply.name, reply.text);
}

function renaming(row) {
  const title = find(".talk-title", row);
  const field = made("input", "talk-name", "", { "aria-label": "Title", maxlength: 120 });
  field.value = title.textContent;
  const open = find(".talk-open", row);
  open.hidden = true;
  open.after(field);
  field.focus();
  field.select();
  let over = false;
  const end = async (keep) => {
    if (over) return;
    over = true;
    if (keep && field.value.trim()) await call("rename", { conversation: row.dataset.talk, title: field.value });
    await listTalks();
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") end(true);
    if (event.key === "Escape") { event.stopPropagation(); end(false); }
  });
  field.addEventListener("blur", () => end(true));
}

let searching = 0;
document.addEventListener("input", (event) => {
  if (!event.target.matches?.(".talks-search")) return;
  clearTimeout(searching);
  searching = setTimeout(listTalks, 150);
});
