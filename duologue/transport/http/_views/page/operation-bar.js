// <operation-bar src="/actions/import">: a long operation, live. See docs/actions.md.
const sheet = new CSSStyleSheet(), bars = new Set(), json = "application/json";
sheet.replaceSync(`operation-bar{display:grid;grid-template-columns:1fr auto;gap:.3em .8em;align-items:center;
label{grid-column:1/-1}
progress{inline-size:100%;accent-color:var(--operation-color,#0a66c2)}
output{overflow-wrap:anywhere;min-inline-size:0}
&:is([state=failed],[state=error],[state=lost]){--operation-color:#b3261e}
&[offline]{opacity:.6}
[role=status]{position:absolute;clip-path:inset(50%)}
@media(prefers-reduced-motion){progress:indeterminate{appearance:none;background:#8886}}}`);
document.adoptedStyleSheets.push(sheet);
const wake = () => bars.forEach((bar) => document.hidden ? bar.rest() : bar.attach());
document.addEventListener("visibilitychange", wake);
addEventListener("online", wake);

class OperationBar extends HTMLElement {
	static observedAttributes = ["src", "boundary", "label", "text", "value"];
	static strings = { en: {
		stop: "Stop", succeeded: "done", timed_out: "took too long", offline: "no connection; trying again",
		401: "please log in again", 403: "not allowed", 404: "not found", 410: "no longer known",
	} };
	snapshot = null;
	constructor() { equip(super()); }
	get state() { return this.getAttribute("state") ?? "idle"; }
	connectedCallback() {
		bars.add(this);
		this.draw();
		this.attach();
	}
	disconnectedCallback() {
		bars.delete(this);
		this.rest();
	}
	attributeChangedCallback(name) {
		if (!bars.has(this)) return;
		if (name == "src" || name == "boundary") this.reset(), this.attach();
		this.draw();
	}
}

function equip(bar) {
	const [label, head, progress, out, button, live] = ["label", "span", "progress", "output", "button", "span"].map((name) => document.createElement(name));
	let calls = Promise.resolve(), fails = 0, drops = 0, spoken = 0, timer, events;
	const at = (name) => bar.getAttribute(name);
	const tell = (name, detail) => bar.dispatchEvent(new CustomEvent("operation-" + name, { bubbles: true, composed: true, detail }));
	const isAway = () => document.hidden || !bars.has(bar);
	const lang = () => bar.closest("[lang]")?.lang || navigator.language;
	const word = (key) => ({ ...OperationBar.strings.en, ...OperationBar.strings[lang().slice(0, 2)] })[key];
	const offline = (is) => bar.toggleAttribute("offline", is);
	const later = (wait) => {
		bar.rest();
		if (!isAway()) timer = setTimeout(bar.ping, wait);
	};
	const say = (text, isNew) => {
		if (!isNew && Date.now() < spoken + 5000) return;
		spoken = Date.now();
		live.textContent = text;
	};
	// One request at a time: the next one waits.
	const call = (...what) => calls = calls.then(() => send(...what));
	const send = async (method, fields, place) => {
		const url = new URL(place ?? at("src"), document.baseURI), boundary = at("boundary") ?? undefined;
		if (!fields && boundary) url.searchParams.set("boundary", boundary);
		const body = fields && JSON.stringify({ ...fields, boundary });
		let answer, now;
		try {
			answer = await fetch(url, { method, body, headers: { Accept: json, "Content-Type": json } });
			now = await answer.json();
		} catch {}
		if (now && answer.ok) {
			if (fails) drops = fails = 0;
			take(now);
			follow();
			return now;
		}
		const status = answer?.status, isOver = [401, 403, 404, 410].includes(status);
		const detail = word(status) ?? (status < 500 && now?.detail || word("offline"));
		say(detail, fields || isOver);
		if (fields || isOver) out.value = detail, tell("error", { status, detail });
		if (isOver) {
			bar.rest();
			bar.setAttribute("state", "error");
			button.hidden = true;
		} else if (!fields || bar.snapshot?.isActive) {
			offline(true);
			later(Math.max(Math.min(30, 2 ** fails++) * (500 + 500 * Math.random()), 1000 * answer?.headers.get("Retry-After") || 0));
		}
	};
	const follow = () => {
		const { isActive, links, poll_after_ms } = bar.snapshot, mode = at("transport");
		if (isActive && events?.url.endsWith(links.events)) return;
		bar.rest();
		if (!isActive || isAway()) return;
		if (mode == "poll" || mode != "sse" && drops > 1) return later(Math.max(at("interval") ?? 1000, poll_after_ms));
		const stream = events = new EventSource(links.events);
		stream.onmessage = ({ data }) => {
			drops = 0;
			take(JSON.parse(data));
			if (!bar.snapshot.isActive) bar.rest(); // or it would come again
		};
		stream.onerror = () => {
			offline(true);
			if (++drops > 1 || stream.readyState > 1) later(0); // else it comes again by itself
		};
	};
	const take = (now) => {
		const last = bar.snapshot;
		offline(false);
		if (last?.id == now.id && last?.run == now.run && now.revision <= last?.revision) return;
		bar.snapshot = now;
		bar.setAttribute("state", now.state);
		bar.draw();
		say(out.value, last?.state != now.state);
		tell("update", now);
		if (now.id && !now.isActive) tell({ succeeded: "done", cancelled: "cancel" }[now.state] ?? "error", now);
	};
	out.ariaLive = "off"; // `live` is for screen readers
	live.role = "status";
	button.type = "button";
	button.onclick = () => bar.stop();
	label.append(head, progress);
	Object.assign(bar, {
		start: (parameters) => call(at("method-start") ?? "POST", { command: "start", parameters }),
		stop: (more) => call("POST", { command: "stop", ...more }, bar.snapshot?.links?.cancel),
		ping: () => call("GET"),
		rest() {
			clearTimeout(timer);
			events?.close();
			events = null;
		},
		reset() {
			bar.rest();
			bar.snapshot = null;
			fails = drops = 0;
			bar.removeAttribute("state");
			bar.draw();
		},
		async attach() {
			if (!isAway() && at("src") && bar.state != "error" && (await bar.ping())?.state == "idle" && at("autostart") != null) bar.start();
		},
		// Texts are data: they are set as text, never as HTML.
		draw() {
			if (!label.isConnected) bar.replaceChildren(label, out, button, live);
			const now = bar.snapshot?.id ? bar.snapshot : { value: at("value"), text: at("text"), state: "" };
			const { isActive, value, text, eta, state } = now, parts = [now.error?.message || text || (word(state) ?? state)];
			progress.value = Math.min(1, Math.max(0, value)) || 0;
			progress.ariaLabel = head.textContent = at("label") || now.name || "";
			if (isActive && now.indeterminate) progress.removeAttribute("value");
			else if (isActive && !/%/.test(text)) parts.unshift(new Intl.NumberFormat(lang(), { style: "percent" }).format(value));
			if (isActive && eta) parts.push(new Intl.RelativeTimeFormat(lang()).format(Math.ceil(eta), "second"));
			out.value = parts.join(" · ");
			button.textContent = word("stop");
			button.hidden = !isActive || now.cancellable === false || at("cancellable") == "false";
			button.disabled = state == "cancelling";
		},
	});
}
customElements.define("operation-bar", OperationBar);
