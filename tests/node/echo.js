// A bot by the official client, which is brought its updates: node echo.js URL TOKEN SECRET.
"use strict";

const {createServer} = require("node:http");
const {Bot} = require("@maxhub/max-bot-api");

const PATH = "/hook";
const [baseUrl, token, secret] = process.argv.slice(2);
const bot = new Bot(token, {clientOptions: {baseUrl}});
bot.on("bot_started", (ctx) => ctx.reply(`Hello, ${ctx.user.name}`));
bot.on("message_created", (ctx) => ctx.reply(`You said ${ctx.message.body.text}`));

const take = bot.webhookCallback({domain: "127.0.0.1", path: PATH, secret});
const server = createServer(take).listen(0, "127.0.0.1", async () => {
  // Its own start would take an https address only.
  await bot.api.subscribe(`http://127.0.0.1:${server.address().port}${PATH}`, secret);
  process.stdout.write("subscribed\n");
});
