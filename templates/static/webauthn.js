// Passkeys and security keys. A form with data-webauthn gets its hidden field "credential" filled in by the browser
// and is then sent like any other; the server checks it and decides. The forms and their attributes:
//
//   data-webauthn="create"       its button makes a credential
//   data-webauthn="get"          its button uses one; with data-autostart also when the page opens
//   data-webauthn="conditional"  has no button: is sent when a passkey is chosen in the autofill of another form
//   data-options                 the options, as JSON of the server
//   data-msg-waiting, -cancelled, -exists, -failed   what [data-webauthn-status] says; [data-webauthn-cancel] ends it
//
// Elsewhere on the page: data-needs-webauthn and data-no-webauthn (shown with and without it), and what a password
// manager is told: data-webauthn-signal (a credential that is gone), data-webauthn-accepted (those that are left).

const supported = Boolean(window.PublicKeyCredential);
for (const part of document.querySelectorAll("[data-needs-webauthn]")) part.hidden = !supported;
for (const part of document.querySelectorAll("[data-no-webauthn]")) part.hidden = supported;

// Binary values are base64url in JSON. Newer browsers convert whole objects; this is for the others.
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const decode = (method, json) => {
  const own = method === "create" ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
  if (PublicKeyCredential[own]) return PublicKeyCredential[own](json);
  const options = { ...json, challenge: bytes(json.challenge) };
  if (json.user) options.user = { ...json.user, id: bytes(json.user.id) };
  for (const list of ["excludeCredentials", "allowCredentials"]) {
    if (json[list]) options[list] = json[list].map((one) => ({ ...one, id: bytes(one.id) }));
  }
  return options;
};

const encode = (credential) => {
  try {
    return credential.toJSON();
  } catch {
    // There is none, or a password manager has put an object of its own in place of the browser's.
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = text(credential.response[name]);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return {
      id: credential.id, rawId: text(credential.rawId), type: credential.type, response,
      authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
      clientExtensionResults: credential.getClientExtensionResults(),
    };
  }
};

// A browser has one request open at a time, and refuses another. The newer one is what the person wants now.
let open = null;
const ask = async (method, form, controller, mediation) => {
  const before = open;
  before?.controller.abort();
  const answered = (async () => {
    await before?.ended;
    const publicKey = decode(method, JSON.parse(form.dataset.options));
    const credential = await navigator.credentials[method]({ publicKey, mediation, signal: controller.signal });
    return JSON.stringify(encode(credential));
  })();
  const mine = { controller, ended: answered.catch(() => {}) };
  open = mine;
  try {
    return await answered;
  } finally {
    if (open === mine) open = null;
  }
};

// The button is pressed once more, so that its name and value are sent. Called by way of the prototype, since a button
// may be named "submit".
const send = (form, credential, button) => {
  form.elements.credential.value = credential;
  if (button) button.click();
  else HTMLFormElement.prototype.submit.call(form);
};

// Passkeys in the autofill of the name field. Nobody has asked for it, so nobody is told when it ends.
const offer = async () => {
  const form = document.querySelector('form[data-webauthn="conditional"]');
  if (!form || open || !(await PublicKeyCredential.isConditionalMediationAvailable?.()) || open) return;
  try {
    send(form, await ask("get", form, new AbortController(), "conditional"));
  } catch {
    // A button was pressed instead, or there is nothing to choose from.
  }
};

const message = (method, error) => {
  if (error.name === "NotAllowedError" || error.name === "AbortError") return "msgCancelled";
  if (error.name === "InvalidStateError" && method === "create") return "msgExists";
  return "msgFailed";
};

// What a form looks like while its request is open, and after it. The button is not disabled, which would throw the
// focus away.
const submitter = (form) => form.querySelector("button:not([type=button])");
const show = (form, says, waiting) => {
  const button = submitter(form);
  const cancel = form.querySelector("[data-webauthn-cancel]");
  const status = form.querySelector("[data-webauthn-status]");
  const lost = !waiting && cancel?.contains(document.activeElement);
  form.setAttribute("aria-busy", String(waiting));
  button?.setAttribute("aria-disabled", String(waiting));
  if (cancel) cancel.hidden = !waiting;
  if (status) status.textContent = form.dataset[says] ?? "";
  if (lost) button?.focus();
};

const start = async (form, button) => {
  if (form.getAttribute("aria-busy") === "true") return;
  const method = form.dataset.webauthn;
  const controller = new AbortController();
  form.querySelector("[data-webauthn-cancel]")?.addEventListener("click", () => controller.abort(), { once: true });
  show(form, "msgWaiting", true);
  try {
    send(form, await ask(method, form, controller), button);
  } catch (error) {
    show(form, message(method, error), false);
    offer();
  }
};

const forms = supported ? document.querySelectorAll('form[data-webauthn="create"], form[data-webauthn="get"]') : [];
for (const form of forms) {
  form.addEventListener("submit", (event) => {
    if (form.elements.credential.value) return; // it is on its way to the server
    event.preventDefault();
    start(form, event.submitter);
  });
}

// Also when the page comes back from the history: the browser may have kept the answer of before, good for nothing now.
addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll("form[data-webauthn] input[name=credential]")) field.value = "";
  for (const form of forms) show(form, "", false);
  if (!supported) return;
  const [visit] = performance.getEntriesByType("navigation");
  const first = !visit || visit.type === "navigate"; // a dialog that returns with every reload is a trap
  const form = [...forms].find((one) => "autostart" in one.dataset && one.dataset.webauthn === "get");
  if (form && first && navigator.userActivation?.hasBeenActive) start(form, submitter(form));
  else offer();
});

// What password managers should know: keys that are gone are no longer offered. Not every browser can tell them, and
// nothing here depends on it.
const signal = async (part, json, name) => PublicKeyCredential[name]?.(JSON.parse(part.getAttribute(json)));
for (const [json, name] of [
  ["data-webauthn-signal", "signalUnknownCredential"],
  ["data-webauthn-accepted", "signalAllAcceptedCredentials"],
]) {
  for (const part of supported ? document.querySelectorAll(`[${json}]`) : []) signal(part, json, name).catch(() => {});
}
