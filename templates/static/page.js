// What makes the forms nicer. Nothing here decides anything: without script every page works the same.

// Times in the reader's own zone. The server knows only its own.
const localise = () => {
  for (const time of document.querySelectorAll("time[data-clock]:not([title])")) {
    const parts = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short" };
    if (time.dataset.clock === "8") parts.second = "2-digit";
    time.title = time.textContent;
    time.textContent = new Intl.DateTimeFormat("en-GB", parts).format(new Date(time.dateTime));
  }
};
localise();
document.addEventListener("sallyport:load", localise);

// Show password.
for (const button of document.querySelectorAll("[data-show]")) {
  const field = document.getElementById(button.getAttribute("aria-controls"));
  button.addEventListener("click", () => {
    const shown = field.type === "text";
    field.type = shown ? "password" : "text";
    button.setAttribute("aria-pressed", String(!shown));
  });
  field.form.addEventListener("submit", () => { field.type = "password"; });
}

// The countdown speaks at most twice: when a new code may be asked for, and before this one ends.
const timer = document.getElementById("timer");
const status = document.getElementById("timer-status");
if (timer && status) {
  const skew = Number(timer.dataset.now) - Date.now();
  const resend = Number(timer.dataset.resend);
  const expires = Number(timer.dataset.expires);
  const said = new Set();
  const say = (what) => {
    if (said.has(what)) return;
    said.add(what);
    status.textContent = status.dataset[what];
  };
  const waits = resend > Date.now() + skew;
  const tick = () => {
    const now = Date.now() + skew;
    if (waits && now >= resend) {
      timer.textContent = timer.dataset.ready;
      say("resend");
    }
    if (expires && now < expires && now >= expires - 20000) say("expiring");
    if (now < Math.max(resend, expires)) setTimeout(tick, 1000);
  };
  tick();
}

// A way that opens at a time, such as a text message after the timer, opens by itself: the list is loaded again,
// nothing else on the page is touched. Looking at the page sends nothing.
const ways = document.getElementById("ways");
const waiting = ways ? [...ways.querySelectorAll("[data-opens]")].map((way) => Number(way.dataset.opens)) : [];
if (waiting.length) {
  const skew = Number(ways.dataset.now) - Date.now();
  const load = async () => {
    // A redirect means that the flow has gone on elsewhere; following it could use up the answer to the app.
    const page = await fetch(document.getElementById("code")?.form.action ?? location.href, { redirect: "error" });
    if (!page.ok) return;
    const next = new DOMParser().parseFromString(await page.text(), "text/html").getElementById("ways");
    if (!next) return;
    ways.replaceChildren(...next.childNodes);
    document.dispatchEvent(new Event("sallyport:load"));
  };
  const tick = () => {
    const now = Date.now() + skew;
    const due = waiting.filter((opens) => opens <= now);
    for (const opens of due) waiting.splice(waiting.indexOf(opens), 1);
    if (due.length) load().catch(() => {}); // the list stays as it is; loading the page shows the same
    if (waiting.length) setTimeout(tick, 1000);
  };
  tick();
}
