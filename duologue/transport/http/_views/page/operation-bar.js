// <operation-bar>: see docs/actions.md
export const strings = {en: {
	stop: "Stop", succeeded: "done", timed_out: "timed out", offline: "offline",
	401: "log in", 403: "not allowed", 404: "not found", 410: "gone"
}};
const sheet = new CSSStyleSheet(), bars = new Set(), streams = new Set();
sheet.replaceSync(`operation-bar{display:grid;grid-template-columns:1fr auto;gap:.3em .8em;align-items:start;
label{grid-column:1/-1}
progress{width:100%;accent-color:var(--operation-color,auto)}
output{overflow-wrap:anywhere}
&:is([state=failed],[state=error]){--operation-color:#b22}
&[offline]{opacity:.6}
[role=status]{position:fixed;clip-path:inset(50%)}
@media(prefers-reduced-motion){progress:indeterminate{appearance:none;background:#8886}}}`);
document.adoptedStyleSheets.push(sheet);
const wake = () => bars.forEach(bar => bar.attach());
addEventListener("visibilitychange", wake);
addEventListener("online", wake);
customElements.define("operation-bar", class extends HTMLElement {
	static observedAttributes = ["src", "boundary", "label", "text", "value"];
	snapshot = null;
	state = "idle";
	constructor() {equip(super());}
	connectedCallback() {bars.add(this), this.draw(), this.attach();}
	disconnectedCallback() {bars.delete(this), this.rest();}
	attributeChangedCallback(name) {
		if (bars.has(this)) /src|bo/.test(name) ? (this.reset(), this.attach()) : this.draw();
	}
});
function equip(bar) {
	const [label, head, meter, out, stop, live] = "label span progress output button span".split(" ").map(n => document.createElement(n));
	let calls, fails = 0, drops = 0, said = 0, timer, events;
	const at = name => bar.getAttribute(name);
	const tell = (name, detail) => bar.dispatchEvent(new CustomEvent("operation-" + name, {bubbles: 1, composed: 1, detail}));
	const isAway = () => document.hidden || !bars.has(bar);
	const lang = () => bar.closest("[lang]")?.lang || navigator.language;
	const word = key => strings[lang().slice(0, 2)]?.[key] ?? strings.en[key];
	const be = state => bar.setAttribute("state", bar.state = state);
	const offline = is => bar.toggleAttribute("offline", is);
	const later = wait => {
		bar.rest();
		if (!isAway()) timer = setTimeout(bar.ping, wait);
	};
	const say = (text, isNew) => {if (isNew || Date.now() > said + 5e3) said = Date.now(), live.textContent = text;};
	const call = (...what) => calls = Promise.resolve(calls).then(() => send(...what));
	// One by one.
	const send = async (method, body, place) => {
		const url = new URL(place || at("src"), document.baseURI);
		url.searchParams.set("boundary", at("boundary") ?? "");
		let reply, now;
		try {
			reply = await fetch(url, {method, headers: {"Content-Type": "application/json"}, body: body && JSON.stringify(body)});
			now = await reply.json();
		} catch {}
		if (now && reply.ok) {
			if (fails) drops = fails = 0;
			return take(now), follow();
		}
		const status = reply?.status, over = word(status), detail = over || status < 500 && now?.detail || word("offline");
		say(detail, body || over);
		if (body || over) out.value = detail, tell("error", {status, detail});
		if (over) bar.rest(), be("error"), stop.hidden = 1;
		else if (!body || bar.snapshot?.isActive)
			offline(true), later(Math.max(1e3 * reply?.headers.get("Retry-After") || 0, Math.min(3e4, 1e3 * 2 ** fails++) * (1 + Math.random()) / 2));
	};
	const follow = () => {
		const {isActive, links, poll_after_ms} = bar.snapshot;
		if (isAway() || !poll_after_ms) return bar.rest();
		if (isActive && events?.url.endsWith(links.events)) return;
		bar.rest();
		// A host has six connections.
		if (!isActive || at("transport") == "poll" || drops > 1 || streams.size > 3) return later(Math.max(at("interval") ?? 1e3, poll_after_ms));
		streams.add(bar), events = new EventSource(links.events);
		events.onmessage = ({data}) => {
			drops = 0, take(JSON.parse(data)), follow();
		};
		events.onerror = () => {
			offline(true);
			if (++drops > 1 || events.readyState > 1) later(0);
		};
	};
	const take = now => {
		const last = bar.snapshot;
		offline(false);
		if (last && last.id == now.id && last.run == now.run && !(now.revision > last.revision)) return;
		bar.snapshot = now, be(now.state), bar.draw();
		say(out.value, last?.state != now.state);
		tell("update", now);
		if (now.id && !now.isActive) tell({succeeded: "done", cancelled: "cancel"}[now.state] ?? "error", now);
	};
	label.append(head, meter);
	out.ariaLive = "off";
	live.role = "status";
	stop.type = "button";
	stop.onclick = () => bar.stop();
	Object.assign(bar, {
		start: parameters => call(at("method-start") ?? "POST", {command: "start", parameters}),
		stop: more => call("POST", {command: "stop", ...more}, bar.snapshot?.links?.cancel),
		ping: () => call("GET", null, bar.snapshot?.isActive && bar.snapshot.links.self),
		rest() {clearTimeout(timer), events = events?.close(), streams.delete(bar);},
		reset() {
			bar.rest(), be("idle"), bar.snapshot = null, bar.draw();
		},
		async attach() {
			if (isAway()) return bar.rest();
			if (at("src") && bar.state != "error") await bar.ping();
			if (bar.state == "idle" && at("autostart") != null) bar.start();
		},
		// Texts are data, never HTML.
		draw() {
			if (!label.isConnected) bar.replaceChildren(label, out, stop, live);
			const now = bar.snapshot?.id ? bar.snapshot : {value: at("value"), text: at("text")};
			const {isActive, value, text, eta, state} = now, parts = [now.error?.message || text || (word(state) ?? state)];
			meter.value = Math.min(1, value) || 0;
			head.textContent = at("label") || bar.snapshot?.name;
			if (isActive && now.indeterminate) meter.removeAttribute("value");
			else if (isActive && !/%/.test(text)) parts.unshift(value.toLocaleString(lang(), {style: "percent"}));
			if (eta) parts.push(new Intl.RelativeTimeFormat(lang()).format(Math.ceil(eta), "second"));
			out.value = meter.ariaValueText = parts.join(" · ");
			stop.textContent = word("stop");
			stop.hidden = !isActive || !now.cancellable || at("cancellable") == "false";
		},
	});
}
