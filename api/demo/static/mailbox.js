// Shows mails at full height, and new ones as they arrive.
const mails = document.getElementById("mails");
const trouble = document.getElementById("trouble");
const FOLLOWED = "subscription { orderEvents { __typename } }";
const SENT = "NotificationStatusChanged";
const PAUSE_MS = 1000;

const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => fit(target)));

/** Fits a frame's height to its mail at this width. Scripts do not run in mails, so the page has to do it. */
function fit(frame) {
  const page = frame.contentDocument?.documentElement;
  if (page && frame.clientWidth) frame.style.height = `${Math.ceil(page.offsetHeight) + 2}px`;
}

function watch(mail) {
  const frame = mail.querySelector("iframe");
  frame.addEventListener("load", () => fit(frame));
  sizes.observe(frame);
  fit(frame);
}

/** Adds new mails on top, leaving open mails and the scroll position as they are. */
async function look() {
  const newest = mails.firstElementChild?.id ?? "";
  const response = await fetch(`/mailbox?after=${newest}`);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const found = [...page.querySelectorAll(".mail")].map((mail) => document.importNode(mail, true));
  mails.prepend(...found);
  found.forEach(watch);
}

/** Looks for mails whenever the API reports one as sent; returns the reason when the stream ends. */
async function follow() {
  const response = await fetch(`/graphql?query=${encodeURIComponent(FOLLOWED)}`, {
    headers: { Accept: "text/event-stream", Authorization: `Bearer ${document.body.dataset.token}` },
  });
  if (response.status === 401) return "This page can no longer update itself: reload it.";
  trouble.textContent = "";
  await look(); // for mails sent before the stream began
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ; ) {
    const { done, value } = await reader.read();
    if (done) return "";
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    if (events.some((event) => event.includes(SENT))) await look();
  }
}

mails.querySelectorAll(".mail").forEach(watch);
for (let isOver = false; !isOver; ) {
  try {
    trouble.textContent = await follow();
    isOver = trouble.textContent !== "";
  } catch {
    trouble.textContent = "The demo is not responding: restart it, and this page will continue by itself.";
  }
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
