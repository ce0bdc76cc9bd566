// --- the library: all articles, and what is brought or taken away ---

let listing = 0;

async function list() {
  const turn = ++listing;
  const form = find(".library-tools");
  const told = Object.fromEntries(new FormData(form));
  const reply = await call("articles", told);
  if (!reply || turn !== listing) return;
  find(".library-list").innerHTML = reply.html; // made by rag/apps/chat_library.py
  const narrowed = told.search || told.source || told.after || told.before;
  find(".library-count").textContent = narrowed ? `${reply.count} found` : reply.count.toLocaleString("en");
  const outlets = find("select[name=source]", form);
  const [everything] = outlets.options;
  outlets.innerHTML = everything.outerHTML + reply.outlets;
  outlets.value = told.source;
  outlets.hidden = outlets.options.length < 3 && !told.source;
  if (!narrowed) form.hidden = reply.count < 6; // a handful is seen at a glance
  all(".day", form).forEach((day) => { day.hidden = !find(".filters input[type=date]"); });
}

let typing = 0;
document.addEventListener("input", (event) => {
  if (!event.target.closest?.(".library-tools")) return;
  clearTimeout(typing);
  typing = setTimeout(list, event.target.type === "search" ? 150 : 0);
});

// --- bring your own ---

const PIECE = 1 << 20; // bytes a request carries, of a large file or of several small ones
const MOST = 100; // files a request carries

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const base64 = (blob) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });

function progress(text, done = 0, total = 0) {
  const place = find(".upload");
  place.hidden = false;
  if (!find("progress", place)) place.innerHTML = '<p class="upload-said"></p><progress max="1" aria-label="Progress"></progress>';
  find(".upload-said", place).textContent = text;
  const bar = find("progress", place);
  if (total) bar.value = done / total;
  else bar.removeAttribute("value");
}

function results(html) {
  const place = find(".upload");
  place.hidden = false;
  place.innerHTML = `${html}<button type="button" class="act upload-close">Close</button>`;
}

async function bring(files) {
  if (!files.length || document.body.classList.contains("bringing")) return;
  document.body.classList.add("bringing");
  goHome();
  openSheet();
  try {
    await sendAll(files);
  } finally {
    document.body.classList.remove("bringing");
    if (find(".upload progress")) find(".upload").hidden = true;
  }
}

async function sendAll(files) {
  const ticket = newId();
  const total = files.reduce((sum, file) => sum + file.size, 0);
  let [sent, size, pieces] = [0, 0, []];
  const flush = async () => {
    const reply = !pieces.length || (await call("send", { ticket, pieces }));
    [size, pieces] = [0, []];
    return reply;
  };
  for (const [at, file] of files.entries()) {
    const name = file.webkitRelativePath || file.name;
    for (let start = 0; start === 0 || start < file.size; start += PIECE) {
      progress(files.length > 1 ? `Bringing file ${at + 1} of ${files.length}` : `Bringing ${name}`, sent, total);
      const part = file.slice(start, start + PIECE);
      if ((size + part.size > PIECE || pieces.length === MOST) && !(await flush())) return;
      try {
        pieces.push([name, await base64(part)]);
      } catch {
        toast(`${name} cannot be read; drop files or a zip, not a folder.`);
        return;
      }
      size += part.size;
      sent += part.size;
    }
  }
  if (!(await flush())) return;
  progress("Looking at the files");
  if (!(await call("take_in", { ticket }))) return;
  for (;;) {
    const reply = await call("taken", { ticket });
    if (!reply) return;
    if (reply.html !== undefined) {
      results(reply.html); // made by rag/apps/chat_library.py
      say(find(".results-lead").textContent);
      changed();
      return;
    }
    progress(reply.stage, reply.done, reply.total);
    await wait(400);
  }
}

// The index is another one now: what the page says about it, its filters and examples, its list.
function changed() {
  trigger("arrive");
}

async function remove(button) {
  const paper = button.closest(".paper");
  if (!button.dataset.sure) {
    button.dataset.sure = "yes";
    button.textContent = "Remove this file for good?";
    setTimeout(() => { if (button.isConnected) { delete button.dataset.sure; button.textContent = "Remove"; } }, 5000);
    return;
  }
  const reply = await call("remove_article", { path: paper.dataset.path });
  if (!reply) return;
  toast(`${reply.removed} was removed.`);
  goHome();
  changed();
}

let dragged = 0;
const carriesFiles = (event) => !find(".masthead[data-fixed]") && event.dataTransfer?.types.includes("Files");
document.addEventListener("dragenter", (event) => {
  if (carriesFiles(event)) { dragged++; document.body.classList.add("dropping"); }
});
document.addEventListener("dragleave", (event) => {
  if (carriesFiles(event) && --dragged <= 0) { dragged = 0; document.body.classList.remove("dropping"); }
});
document.addEventListener("dragover", (event) => { if (carriesFiles(event)) event.preventDefault(); });
document.addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  dragged = 0;
  document.body.classList.remove("dropping");
  bring([...event.dataTransfer.files]);
});
document.addEventListener("change", (event) => {
  if (!event.target.matches?.(".bring")) return;
  const files = [...event.target.files];
  event.target.value = "";
  bring(files);
});
