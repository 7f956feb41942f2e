// A program in another language that tells a dialog something, and asks it:
//
//   BOT_URL=https://bot.internal/refs BOT_TOKEN=… node examples/remote.mjs dialog/max.42:5:5

const { BOT_URL, BOT_TOKEN } = process.env;
const ref = process.argv[2];

async function send(kind, event) {
  const url = `${BOT_URL}/v1/actors/${ref}/${kind}`;
  const headers = {
    "authorization": `Bearer ${BOT_TOKEN}`,
    "content-type": "application/cloudevents+json",
  };
  const body = JSON.stringify({ specversion: "1.0", source: "//shop/node", ...event });
  for (let pause = 100; ; pause = Math.min(pause * 2, 5000)) {
    let response;
    try {
      response = await fetch(url, { method: "POST", headers, body });
    } catch {
      response = { status: 503, headers: new Headers() };
    }
    if (response.status !== 429 && response.status !== 503) {
      const said = await response.json();
      if (!response.ok) throw new Error(`${said.error}: ${said.detail}`);
      return said;
    }
    const seconds = Number(response.headers.get("retry-after") ?? 0);
    await new Promise((go) => setTimeout(go, Math.max(pause, 1000 * seconds)));
  }
}

await send("messages", { id: "order-7-paid", type: "shop.order_paid.v1", data: { order: 7 } });
const cart = await send("asks", { id: crypto.randomUUID(), type: "shop.get_cart.v1", data: {} });
console.log(cart.data.items.join(" "));
