"use strict";
// Keeps the page up to date: replaces the elements that have changed, counts times up, searches.
(() => {
  const LOST_MS = 12000, RENEW_MS = 10000; // The exporter sends something every five seconds.
  const page = document.documentElement, status = byId("connection"), found = byId("found");
  const form = document.querySelector("form"), holder = document.createElement("template");
  const [day, hour, minute, second] = page.dataset.units.split(" ");
  // The exporter has escaped every value. The policy of the page allows no other script.
  const trusted = window.trustedTypes?.createPolicy("parts", { createHTML: (html) => html });
  let ahead = page.dataset.now - Date.now() / 1000, heard = performance.now();
  let problem = "", stream = null, timer = 0;

  function byId(id) { return document.getElementById(id); }
  function element(html) {
    holder.innerHTML = trusted ? trusted.createHTML(html) : html;
    return holder.content.firstElementChild;
  }

  // Messages
  function show({ build, now, order, parts }) {
    if (build !== page.dataset.build) {
      // Another version. Not more often, because two versions may answer in turn.
      setTimeout(() => location.reload(), Math.max(0, RENEW_MS - performance.now()));
      throw new Error("another build");
    }
    ahead = now - Date.now() / 1000;
    heard = performance.now();
    problem = "";
    const fresh = new Map(Object.entries(parts).map(([id, html]) => [id, element(html)]));
    const focus = document.activeElement;
    for (const [id, children] of Object.entries(order)) {
      const box = byId(id), stay = new Set(children);
      for (const each of [...box.children]) if (!stay.has(each.id)) each.remove();
      let next = box.firstElementChild;
      for (const child of children) {
        const each = byId(child) ?? fresh.get(child);
        if (each === next) next = next.nextElementSibling;
        else box.insertBefore(each, next);
      }
    }
    for (const [id, each] of fresh) {
      const old = byId(id);
      // A screen reader would read a status again, also an equal one.
      if (old && !("frame" in each.dataset) && !old.isEqualNode(each)) old.replaceWith(each);
    }
    if (document.activeElement !== focus) (focus.isConnected ? focus : byId(focus.id))?.focus({ preventScroll: true });
    if (fresh.size || Object.keys(order).length) search();
    tick();
  }

  async function listen() {
    stream = new AbortController();
    try {
      // A relative address would have the password, if that of the page has one; `fetch` refuses it.
      const address = new URL(`-/live?lang=${page.lang}`, location.origin + location.pathname);
      const answer = await fetch(address, { signal: stream.signal });
      // A proxy answers 503 too, but does not know when to try again.
      if (!answer.ok) return answer.headers.has("retry-after") ? "full" : answer.status < 500 ? "refused" : "lost";
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return "";
        const events = (text + value).split("\n\n");
        text = events.pop();
        for (const each of events) show(JSON.parse(each.slice("data: ".length)));
      }
    } catch {
      return "lost";
    }
  }

  async function follow() {
    clearTimeout(timer);
    if (document.hidden || stream) return;
    problem = await listen() || problem;
    stream = null;
    tick();
    // Not all viewers at the same moment.
    const seconds = { "": 0.1, lost: 1, full: 15, refused: 15 }[problem];
    timer = setTimeout(follow, 1000 * seconds * (1 + Math.random()));
  }

  // A browser has only six connections to a host, so a page that nobody sees needs none.
  document.addEventListener("visibilitychange", () => document.hidden ? stream?.abort() : follow());
  addEventListener("pagehide", () => stream?.abort());
  addEventListener("online", follow);

  // Times
  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  function wait(s) {
    return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(s / 60 % 60)}:${two(s % 60)}`;
  }
  function span(s) {
    for (const [unit, name] of [[86400, day], [3600, hour], [60, minute]]) {
      if (s >= unit) return `${Math.floor(s / unit)} ${name}`;
    }
    return `${Math.floor(s)} ${second}`;
  }
  const clock = new Intl.DateTimeFormat(page.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  // In English, the order of month and day would not be clear: Swedish writes dates as ISO 8601.
  const date = new Intl.DateTimeFormat(page.lang === "en" ? "sv" : page.lang, { dateStyle: "short" });
  function local(at, now) {
    const [that, today] = [at, now].map((each) => date.format(each * 1000));
    return `${that === today ? "" : `${that} `}${clock.format(at * 1000)}`;
  }
  function write(each, text) { if (each.textContent !== text) each.textContent = text; }
  function tick() {
    const now = Date.now() / 1000 + ahead;
    for (const each of document.querySelectorAll("[data-wait]")) write(each, wait(Math.max(0, now - each.dataset.wait)));
    for (const each of document.querySelectorAll("[data-since]")) write(each, span(Math.max(0, now - each.dataset.since)));
    for (const each of document.querySelectorAll("[data-at]")) write(each, local(each.dataset.at, now));
    // From midnight on is what everybody expects.
    for (const each of document.querySelectorAll("[data-today]")) each.hidden = clock.format(each.dataset.today * 1000) === "00:00";
    const silent = performance.now() - heard;
    if (silent > LOST_MS) stream?.abort();
    const since = local(now - silent / 1000, now);
    write(status, status.dataset[problem || "live"].replace("{time}", since));
    document.body.classList.toggle("old", problem !== "");
  }

  // Search
  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  function search() {
    const [queue, server] = ["queue", "server"].map((name) => folded(form.elements[name].value.trim()));
    let shown = 0, all = 0;
    const servers = document.querySelectorAll(".server");
    for (const one of servers) {
      let matches = 0;
      for (const row of one.querySelectorAll(".queues > tbody > tr")) {
        row.hidden = !row.dataset.find.includes(queue);
        all += 1;
        if (!row.hidden) matches += 1;
      }
      one.hidden = !one.querySelector("h2").dataset.find.includes(server) || (queue && !matches);
      if (!one.hidden) shown += matches;
    }
    byId("by-server").hidden = servers.length < 2 && !server;
    const number = new Intl.NumberFormat(page.lang);
    write(found, queue || server ? found.dataset.text.replace("{shown}", number.format(shown)).replace("{all}", number.format(all)) : "");
  }
  form.addEventListener("input", () => {
    search();
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
    for (const link of document.querySelectorAll("nav a")) {
      query.set("lang", link.lang);
      link.search = query;
    }
  });
  form.addEventListener("submit", (event) => event.preventDefault());

  new ResizeObserver(([{ target }]) => page.style.setProperty("--header", `${target.offsetHeight}px`))
    .observe(document.querySelector("header"));
  setInterval(tick, 1000);
  tick();
  follow();
})();
