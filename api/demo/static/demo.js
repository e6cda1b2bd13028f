// Copies the text next to a button.
for (const button of document.querySelectorAll("[data-copies]")) {
  button.hidden = !navigator.clipboard; // browsers provide it only on loopback and over TLS
  button.addEventListener("click", async () => {
    const said = button.nextElementSibling;
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
      said.textContent = "Copied.";
    } catch {
      said.textContent = "Your browser does not allow this: select the text and copy it.";
    }
  });
}
