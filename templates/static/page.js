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
