"use strict";
// All pages work without this file. It puts new traces into the list, sends the form of filters
// when a choice changes, copies, and lets keys lead on.

const LOOK_AGAIN_MS = 3000;
const MOST_ROWS = 200;

/** Ask every few seconds for the rows of traces that changed, and put them in. */
function follow(list) {
  const body = list.tBodies ? list.tBodies[0] : list;
  const status = document.getElementById("live");
  const title = document.title;
  let changes = body.dataset.changes;
  let waiting = 0;
  let lost = false;

  function tell(text) {
    if (status) status.textContent = text;
  }

  function place(row) {
    const known = [...body.rows].find((other) => other.dataset.trace === row.dataset.trace);
    row.classList.add("new");
    if (known) known.replaceWith(row);
    else body.prepend(row);
    return known ? 0 : 1;
  }

  function take(rows) {
    if (!rows.length) return;
    if (list.dataset.live === "first") {
      location.reload();
      return;
    }
    if (list.dataset.live === "rows") {
      for (const row of rows.reverse()) waiting += place(row);
      while (body.rows.length > MOST_ROWS) body.rows[body.rows.length - 1].remove();
      document.querySelectorAll(".empty").forEach((note) => note.remove());
      tell(`${waiting} new since this page was opened`);
    } else {
      waiting += rows.length;
      const link = document.createElement("a");
      link.href = list.dataset.first;
      link.textContent = "newest first";
      tell(`${waiting} new or changed: `);
      status.append(link);
    }
    document.title = waiting && document.hidden ? `(${waiting}) ${title}` : title;
  }

  async function look() {
    try {
      const answer = await fetch(changes);
      if (answer.status === 200) {
        const found = new DOMParser().parseFromString(
          `<table>${await answer.text()}</table>`, "text/html").querySelector("tbody");
        changes = found.dataset.changes;
        take([...found.rows]);
      }
      if (lost) tell("The service answers again.");
      lost = false;
    } catch {
      tell("The service does not answer.");
      lost = true;
    }
    setTimeout(look, LOOK_AGAIN_MS);
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) document.title = title;
  });
  tell(list.dataset.live === "rows" ? "New traces appear here by themselves." : "");
  setTimeout(look, LOOK_AGAIN_MS);
}

/** Send the filters without those that are empty, and as soon as one is chosen. */
function filter(form) {
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) {
      if (!value.trim()) event.formData.delete(name);
    }
  });
  form.addEventListener("change", (event) => {
    if (event.target.tagName === "SELECT") form.requestSubmit();
  });
}

/** Copy the text that a button names. */
async function copy(button) {
  const text = document.getElementById(button.dataset.copy).textContent;
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select it below";
    document.getElementById(button.dataset.copy).closest("details").open = true;
  }
  setTimeout(() => { button.textContent = label; }, 1500);
}

/** "/" goes to the search, "j" and "k" to the next and the previous row or page. */
function lead(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea")) return;
  const links = [...document.querySelectorAll("td .open")];
  const at = links.indexOf(document.activeElement);
  const step = { j: 1, k: -1 }[event.key];
  const search = document.querySelector("input[type=search]");
  if (event.key === "/" && search) {
    event.preventDefault();
    search.focus();
  } else if (step && links.length) {
    links[Math.max(0, Math.min(links.length - 1, at + step))].focus();
  } else if (step) {
    const link = document.querySelector(step > 0 ? "a[rel=next]" : "a[rel=prev]");
    if (link) link.click();
  }
}

document.querySelectorAll("[data-live]").forEach(follow);
document.querySelectorAll("form.filters").forEach(filter);
document.querySelectorAll("[data-copy]").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
});
document.addEventListener("keydown", lead);
