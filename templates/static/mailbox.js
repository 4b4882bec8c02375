// Asks every two seconds whether the newest message is another one, and then loads the list again.
const list = document.getElementById("messages");
const pause = document.getElementById("pause");
const status = document.getElementById("mail-status");
let paused = sessionStorage.getItem("mailbox-paused") === "1";

const show = () => {
  pause.setAttribute("aria-pressed", String(paused));
  pause.textContent = paused ? pause.dataset.resume : pause.dataset.pause;
};

const load = async () => {
  const page = await fetch(location.href);
  if (!page.ok) return;
  const next = new DOMParser().parseFromString(await page.text(), "text/html").getElementById("messages");
  list.replaceChildren(...next.childNodes);
  list.dataset.newest = next.dataset.newest;
  document.dispatchEvent(new Event("sallyport:load"));
};

const look = async () => {
  if (paused || document.hidden) return;
  const answer = await fetch(list.dataset.poll);
  if (!answer.ok) return;
  const [newest] = await answer.json();
  const id = newest ? newest.id : "";
  if (id === list.dataset.newest) return;
  await load();
  if (newest) status.textContent = `${status.dataset.new} ${newest.to}`;
};

if (list && pause && list.dataset.poll) {
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    sessionStorage.setItem("mailbox-paused", paused ? "1" : "0");
    show();
  });
  show();
  setInterval(() => look().catch(() => {}), 2000); // a poll that fails is asked again
  list.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    button.querySelector("[data-label]").textContent = button.dataset.copied;
  });
}
