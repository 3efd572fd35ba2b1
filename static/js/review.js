// Ruling at the speed of a key. The pair after the one on the desk is always here already: a ruling shows it at once and
// is sent meanwhile; its answer is the pair after that. Without this script the dock is an ordinary form.

const desk = document.getElementById("desk");
const csrf = JSON.parse(document.body.getAttribute("hx-headers") || "{}");
let ahead = null; // a promise of the pair after the one on the desk
let turn = Promise.resolve(); // keys are taken one after the other, however fast they come

const pair = () => desk.querySelector("#pair");
const parsed = (html) => {
  const made = document.createElement("template");
  made.innerHTML = html;
  return made.content.firstElementChild;
};

async function ask(url, options = {}) {
  const answer = await fetch(url, {
    ...options,
    headers: { ...csrf, "HX-Request": "true", ...options.headers },
    credentials: "same-origin",
    keepalive: options.method === "POST",
  });
  if (!answer.ok || answer.redirected) throw new Error(await sentence(answer));
  if (answer.headers.has("X-Tally")) told(JSON.parse(answer.headers.get("X-Tally")));
  return parsed(await answer.text());
}

async function sentence(answer) {
  if (answer.redirected) return "You are signed out; sign in again in another tab.";
  if ((answer.headers.get("Content-Type") || "").startsWith("text/plain")) return answer.text();
  return `The server answered ${answer.status}`;
}

function told(tally) {
  for (const place of document.querySelectorAll("[data-tally]")) {
    place.textContent = tally[place.dataset.tally].toLocaleString("en");
  }
}

function complain(error, back) {
  const place = document.getElementById("complaint");
  place.textContent = `Not saved: ${error.message}. The pair is back on the desk; try again.`;
  place.hidden = false;
  if (back) show(back, false);
}

function show(next, push = true) {
  const old = pair();
  old.replaceWith(next);
  mark(old, next);
  if (push && next.dataset.address) history.pushState({}, "", next.dataset.address);
  document.title = next.dataset.title || document.title;
  next.querySelector("h2")?.focus({ preventScroll: true });
  window.scrollTo({ top: 0 });
}

function mark(old, next) {
  for (const item of document.querySelectorAll(".queue li[aria-current]")) item.removeAttribute("aria-current");
  const group = next.dataset.group;
  if (group) document.querySelector(`.queue li[data-group="${CSS.escape(group)}"]`)?.setAttribute("aria-current", "true");
}

function prefetch() {
  const url = pair().dataset.following;
  ahead = url ? ask(url) : Promise.resolve(null);
  ahead.catch(() => {}); // it is looked at when it is needed
}

async function advance() {
  const next = await ahead.catch(() => null);
  return next || (pair().dataset.following ? ask(pair().dataset.following) : null);
}

async function rule(verdict) {
  const here = pair();
  if (!here.dataset.rule) return;
  document.getElementById("complaint").hidden = true;
  const said = new URLSearchParams({ verdict, reason: here.querySelector("[name=reason]")?.value || "" });
  let next;
  try {
    next = await advance();
  } catch (error) {
    return complain(error);
  }
  if (next) said.set("shown", next.dataset.seq || "");
  const sent = ask(here.dataset.rule, { method: "POST", body: said });
  if (next) {
    show(next);
    ahead = sent;
    sent.catch((error) => complain(error, here));
  } else {
    sent.then((last) => show(last)).catch((error) => complain(error));
  }
}

async function move(url) {
  if (!url) return;
  try {
    show(await ask(url));
    prefetch();
  } catch (error) {
    complain(error);
  }
}

async function undo() {
  await ahead.catch(() => null); // the ruling to take back may still be on its way
  try {
    show(await ask(desk.dataset.undo, { method: "POST" }));
    prefetch();
  } catch (error) {
    complain(error);
  }
}

function take(act) {
  turn = turn.then(act).catch(complain);
}

const KEYS = {
  c: () => rule("contaminated"),
  f: () => rule("false alarm"),
  s: () => move(pair().dataset.following),
  j: () => move(pair().dataset.after),
  k: () => move(pair().dataset.before),
  u: () => undo(),
  "?": () => document.getElementById("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest("input, textarea, select, dialog[open]")) return;
  const act = KEYS[event.key];
  if (act) {
    event.preventDefault();
    take(act);
  }
});

desk.addEventListener("submit", (event) => {
  const verdict = event.submitter?.value;
  if (event.target.matches(".dock") && event.submitter?.name === "verdict") {
    event.preventDefault();
    take(() => rule(verdict));
  }
});

desk.addEventListener("click", (event) => {
  const act = event.target.closest("[data-key]");
  if (act) {
    event.preventDefault();
    take(KEYS[act.dataset.key]);
  }
});

window.addEventListener("popstate", () => location.reload());
prefetch();
