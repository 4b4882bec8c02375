// What helps to set up a method: copy, print, and the example of a number in the chosen country. Nothing here decides.

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.querySelector("[data-label]");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    label.textContent = button.dataset.copied;
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => print());
}

const country = document.getElementById("country");
const example = document.getElementById("phone-example");
if (country && example) {
  const show = () => {
    const text = country.selectedOptions[0]?.dataset.example ?? "";
    example.hidden = text === "";
    const [before, after] = example.dataset.text.split("[]");
    const number = document.createElement("bdi");
    number.dir = "ltr";
    number.textContent = text;
    example.replaceChildren(before, number, after ?? "");
  };
  country.addEventListener("change", show);
  show(); // the browser may have kept another choice
}
