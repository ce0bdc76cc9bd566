(() => {
  const find = document.getElementById("find"), kind = document.getElementById("kind");
  const wrong = document.getElementById("wrong"), count = document.getElementById("count");
  const items = [...document.querySelectorAll("details.q")];
  const show = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of items) {
      const text = item.textContent.toLowerCase();
      const fits = (!kind.value || item.dataset.kind === kind.value) && (!wrong.checked || item.dataset.failed) &&
        words.every(word => text.includes(word));
      item.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown} of ${items.length}`;
  };
  for (const part of [find, kind, wrong]) part.addEventListener("input", show);
  const open = () => {
    const item = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (item instanceof HTMLDetailsElement) { item.open = true; item.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  show();
  open();
})();
