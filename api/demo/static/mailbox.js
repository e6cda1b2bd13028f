// Shows whole mails, and new ones as they come.
const mails = document.getElementById("mails");
const trouble = document.getElementById("trouble");
const FOLLOWED = "subscription { orderEvents { __typename } }";
const SENT = "NotificationStatusChanged";
const PAUSE_MS = 1000;

const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => fit(target)));

/** Makes a frame as high as its mail is at this width. No script runs in a mail, so nothing but the page can. */
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

/** Puts what came since on top; what is open and where the page is scrolled to stays. */
async function look() {
  const newest = mails.firstElementChild?.id ?? "";
  const response = await fetch(`/mailbox?after=${newest}`);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const found = [...page.querySelectorAll(".mail")].map((mail) => document.importNode(mail, true));
  mails.prepend(...found);
  found.forEach(watch);
}

/** Looks whenever a mail was sent, which the API tells as it tells it every client; returns where that ends. */
async function follow() {
  const response = await fetch(`/graphql?query=${encodeURIComponent(FOLLOWED)}`, {
    headers: { Accept: "text/event-stream", Authorization: `Bearer ${document.body.dataset.token}` },
  });
  if (response.status === 401) return "This page is too old to go on by itself: reload it.";
  trouble.textContent = "";
  await look(); // at what came before it was followed
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
    trouble.textContent = "The demo does not answer: start it again, and this page goes on by itself.";
  }
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
