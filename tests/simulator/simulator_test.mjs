// The simulator is held to the vendors' contracts from outside: over HTTP, with a webhook receiver of our own.
// SIMULATOR names the binary; build/debug/tests/simulator/simulator is the default.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const BINARY =
    process.env.SIMULATOR ?? fileURLToPath(new URL("../../build/debug/tests/simulator/simulator", import.meta.url));
const SECRET = "wa-demo-app-secret-7c1f";
const TOKEN = "token-1";
const KEY = "key-1";
const PHONE_ID = "770011223344551";
const SEND_PATH = `/v23.0/${PHONE_ID}/messages`;
const ANNA = "15005550177";

// What the gateway would be: keeps every POST and answers as it is told.
class Receiver {
    posts = [];
    waiters = [];
    answer = () => 200;

    async open() {
        this.server = http.createServer((request, response) => this.receive(request, response));
        this.server.listen(0, "127.0.0.1");
        await once(this.server, "listening");
        this.url = `http://127.0.0.1:${this.server.address().port}/webhook`;
    }

    async receive(request, response) {
        const chunks = [];
        for await (const chunk of request) chunks.push(chunk);
        const body = Buffer.concat(chunks);
        const post = { at: performance.now(), headers: request.headers, body };
        this.posts.push(post);
        response.statusCode = this.answer(post);
        response.end();
        for (const waiter of this.waiters) waiter();
    }

    // Resolves with the first truthy answer of `look`, asked again after each POST.
    async until(look) {
        const deadline = Date.now() + 10000;
        for (;;) {
            const found = look();
            if (found) return found;
            assert.ok(Date.now() < deadline, `never came: ${look}`);
            let waiter;
            await Promise.race([
                new Promise((resolve) => this.waiters.push((waiter = resolve))),
                new Promise((resolve) => setTimeout(resolve, 500)),
            ]);
            this.waiters = this.waiters.filter((other) => other !== waiter);
        }
    }

    statuses() {
        return this.values("statuses");
    }

    messages() {
        return this.values("messages");
    }

    values(kind) {
        return this.posts.flatMap((post) =>
            JSON.parse(post.body).entry.flatMap((entry) => entry.changes.flatMap((change) => change.value[kind] ?? [])),
        );
    }

    reset() {
        this.posts = [];
        this.answer = () => 200;
    }

    close() {
        this.server.close();
        this.server.closeAllConnections();
    }
}

class Simulator {
    async open(...options) {
        const environment = { PATH: process.env.PATH, ASAN_OPTIONS: process.env.ASAN_OPTIONS ?? "" };
        this.child = spawn(BINARY, ["--port", "0", ...options], {
            stdio: ["ignore", "pipe", "inherit"],
            env: { ...environment, ...this.environment },
        });
        const [line] = await once(this.child.stdout, "data");
        this.url = /^simulator ready on (http:\S+)\n$/.exec(line)[1];
        this.agent = new http.Agent({ keepAlive: true, maxSockets: 5000 });
        return this;
    }

    call(method, path, body, { token, signal } = {}) {
        const verbatim = body === undefined || typeof body === "string" || Buffer.isBuffer(body);
        const text = verbatim ? body : JSON.stringify(body);
        const headers = text === undefined ? {} : { "content-length": Buffer.byteLength(text) };
        if (token) headers.authorization = `Bearer ${token}`;
        return new Promise((resolve, reject) => {
            const request = http.request(this.url + path, { method, headers, agent: this.agent, signal });
            request.on("error", reject);
            request.on("response", async (response) => {
                const chunks = [];
                for await (const chunk of response) chunks.push(chunk);
                const answered = Buffer.concat(chunks).toString();
                resolve({
                    status: response.statusCode,
                    headers: response.headers,
                    text: answered,
                    get json() {
                        return JSON.parse(answered);
                    },
                });
            });
            request.end(text);
        });
    }

    send(members, token = TOKEN) {
        return this.call("POST", SEND_PATH, { messaging_product: "whatsapp", to: ANNA, ...members }, { token });
    }

    sendText(body, members) {
        return this.send({ type: "text", text: { body }, ...members });
    }

    ask(members, options = { token: KEY }) {
        const body = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello?" }], ...members };
        return this.call("POST", "/v1/chat/completions", body, options);
    }

    async faults(plan) {
        const answer = await this.call("POST", "/_sim/faults", plan);
        assert.equal(answer.status, 200, answer.text);
        return answer.json;
    }

    async get(path) {
        return (await this.call("GET", path)).json;
    }

    async until(path, look) {
        const deadline = Date.now() + 10000;
        for (;;) {
            const seen = await this.get(path);
            if (look(seen)) return seen;
            assert.ok(Date.now() < deadline, `never came: ${look}`);
        }
    }

    async close(signal = "SIGTERM") {
        this.agent.destroy();
        this.child.kill(signal);
        const [code] = await once(this.child, "exit");
        return code;
    }
}

function sign(body, secret = SECRET) {
    return `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
}

async function refused(answer, status, code) {
    const { status: got, json } = await answer;
    assert.deepEqual([got, json.error.code], [status, code], json.error.error_data.details);
    assert.equal(json.error.type, "OAuthException");
    assert.match(json.error.message, new RegExp(`^\\(#${code}\\) `));
    assert.equal(json.error.error_data.messaging_product, "whatsapp");
    assert.ok(json.error.fbtrace_id);
    return json.error.error_data.details;
}

const receiver = new Receiver();
const simulator = new Simulator();

before(async () => {
    await receiver.open();
    await simulator.open(
        ...["--app-secret", SECRET, "--token", TOKEN, "--webhook-url", receiver.url],
        ...["--phone-id", `${PHONE_ID},770011223344552`, "--llm-key", KEY],
    );
});

after(async () => {
    assert.equal(await simulator.close(), 0);
    receiver.close();
});

// Receipts of an earlier test must not arrive in the next one.
beforeEach(async () => {
    await simulator.until("/_sim/count", (count) => count.receipts_waiting === 0 && count.llm_in_flight === 0);
    await simulator.call("POST", "/_sim/reset");
    receiver.reset();
});

describe("the process", () => {
    test("refuses to start without a port, with an unknown option, or on a taken port", async () => {
        const port = new URL(simulator.url).port;
        for (const options of [[], ["--port", "0", "--bogus", "1"], ["--port", "x"], ["--port", port]]) {
            const child = spawn(BINARY, options, { stdio: "ignore" });
            const [code] = await once(child, "exit");
            assert.notEqual(code, 0, options.join(" "));
        }
    });

    test("takes its settings from the environment, the command line over it, and the first of several secrets", async () => {
        const other = new Simulator();
        other.environment = {
            META_APP_SECRET: "first,second",
            WHATSAPP_CLOUD_TOKEN: "from-environment",
            SIM_WEBHOOK_URL: receiver.url,
            OPENAI_API_KEY: "from-environment",
        };
        await other.open("--llm-key", "from-command-line");
        assert.equal((await other.sendText("x")).status, 401);
        assert.equal((await other.call("GET", "/v1/models", undefined, { token: "from-environment" })).status, 401);
        assert.equal((await other.call("GET", "/v1/models", undefined, { token: "from-command-line" })).status, 200);
        await other.call("POST", "/_sim/receive", { from: ANNA, text: "hi" });
        assert.equal(receiver.posts[0].headers["x-hub-signature-256"], sign(receiver.posts[0].body, "first"));
        assert.equal(await other.close("SIGTERM"), 0);
    });

    test("without a token any bearer will do, but one there must be", async () => {
        const open = await new Simulator().open();
        const body = { messaging_product: "whatsapp", to: ANNA, text: { body: "x" } };
        assert.equal((await open.call("POST", "/v23.0/1/messages", body, { token: "whatever" })).status, 200);
        await refused(open.call("POST", "/v23.0/1/messages", body), 401, 190);
        assert.equal((await open.call("POST", "/v1/chat/completions", {})).status, 401);
        const receive = await open.call("POST", "/_sim/receive", { from: ANNA, text: "x" });
        assert.equal(receive.status, 400, "nobody can be told without a webhook URL");
        assert.equal(await open.close("SIGINT"), 0);
    });

    test("answers 404 where nothing is simulated and 405 for a wrong method", async () => {
        assert.equal((await simulator.call("GET", "/nowhere")).status, 404);
        assert.equal((await simulator.call("GET", "/_sim/nothing")).status, 404);
        assert.equal((await simulator.call("GET", "/_sim/receive")).status, 405);
        assert.equal((await simulator.call("GET", "/v1/chat/completions", undefined, { token: KEY })).status, 405);
    });
});

describe("HTTP", () => {
    async function raw(text, isWhole = (answer) => answer.includes("\r\n\r\n")) {
        const socket = net.connect(new URL(simulator.url).port, "127.0.0.1");
        socket.write(text);
        let answer = "";
        for await (const chunk of socket) {
            answer += chunk;
            if (isWhole(answer)) break;
        }
        socket.destroy();
        return answer;
    }

    test("refuses what it can't read", async () => {
        assert.match(await raw("nonsense\r\n\r\n"), /^HTTP\/1.1 400 /);
        assert.match(await raw("POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"), /^HTTP\/1.1 413 /);
        assert.match(await raw("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"), /^HTTP\/1.1 400 /);
        assert.match(await raw("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), /^HTTP\/1.1 411 /);
        assert.match(await raw(`GET / HTTP/1.1\r\nX: ${"x".repeat(20000)}`), /^HTTP\/1.1 431 /);
    });

    test("answers requests that were sent ahead, in order, and a body that comes in pieces", async () => {
        const two = "GET /_sim/count HTTP/1.1\r\n\r\nGET /nowhere HTTP/1.1\r\nConnection: close\r\n\r\n";
        const answer = await raw(two, (text) => text.includes("nothing is simulated"));
        assert.match(answer, /^HTTP\/1.1 200 OK[^]*"sent":0[^]*HTTP\/1.1 404 Not Found[^]*Connection: close/);
    });

    test("tells a client that expects it to go on with the body", async () => {
        const head = "POST /_sim/reset HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
        assert.match(await raw(head), /^HTTP\/1.1 100 Continue\r\n\r\n/);
    });

    test("carries an answer that is larger than any socket buffer", async () => {
        const text = "x".repeat(4096);
        await simulator.faults({ receipts: { enabled: false } });
        await Promise.all(Array.from({ length: 1500 }, () => simulator.sendText(text)));
        const sent = await simulator.get("/_sim/sent");
        assert.equal(sent.length, 1500);
        assert.ok(sent.every((copy) => copy.text === text));
    });
});

describe("a send", () => {
    test("is accepted with a fresh wamid and kept in /_sim/sent, oldest first", async () => {
        const first = await simulator.send({ to: `+${ANNA}`, text: { body: 'Grüße "1"\n' }, biz_opaque_callback_data: "job-1" });
        const second = await simulator.sendText("two", { to: "15005550178" });
        assert.equal(first.status, 200);
        const { messaging_product, contacts, messages } = first.json;
        assert.equal(messaging_product, "whatsapp");
        assert.deepEqual(contacts, [{ input: `+${ANNA}`, wa_id: ANNA }]);
        assert.match(messages[0].id, /^wamid\.[A-Za-z0-9+/]+=*$/);
        assert.equal(messages[0].message_status, "accepted");
        assert.notEqual(messages[0].id, second.json.messages[0].id);
        const sent = await simulator.get("/_sim/sent");
        assert.match(sent[0].at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        assert.deepEqual(
            { ...sent[0], at: 0 },
            {
                ...{ at: 0, to: ANNA, type: "text", text: 'Grüße "1"\n', id: messages[0].id, callback: "job-1" },
                ...{ phone_id: PHONE_ID, template: null },
            },
        );
        assert.equal(sent[1].text, "two");
        assert.deepEqual((await simulator.get("/_sim/sent?since=1")).map((copy) => copy.text), ["two"]);
        assert.deepEqual((await simulator.get(`/_sim/sent?to=%2B${ANNA}`)).length, 1);
        assert.deepEqual(await simulator.get("/_sim/sent?since=9"), []);
        assert.equal((await simulator.get("/_sim/count")).sent, 2);
    });

    test("needs the right bearer, phone number id, path and a JSON body in UTF-8", async () => {
        await refused(simulator.send({ text: { body: "x" } }, "wrong"), 401, 190);
        await refused(simulator.send({ text: { body: "x" } }, ""), 401, 190);
        await refused(simulator.call("POST", "/v23.0/999/messages", {}, { token: TOKEN }), 400, 33);
        await refused(simulator.call("POST", "/v23.0/messages", {}, { token: TOKEN }), 400, 100);
        await refused(simulator.call("GET", SEND_PATH, undefined, { token: TOKEN }), 400, 100);
        await refused(simulator.call("POST", SEND_PATH, "{", { token: TOKEN }), 400, 100);
        await refused(simulator.call("POST", SEND_PATH, "[]", { token: TOKEN }), 400, 100);
        await refused(simulator.call("POST", SEND_PATH, "{} x", { token: TOKEN }), 400, 100);
        const latin1 = Buffer.from(JSON.stringify({ messaging_product: "whatsapp", to: ANNA, text: { body: "ä" } }), "latin1");
        assert.match(await refused(simulator.call("POST", SEND_PATH, latin1, { token: TOKEN }), 400, 100), /UTF-8/);
        const second = { messaging_product: "whatsapp", to: ANNA, text: { body: "x" } };
        assert.equal((await simulator.call("POST", "/v23.0/770011223344552/messages", second, { token: TOKEN })).status, 200);
    });

    test("is refused with 100 for members no send has, at the top and further down", async () => {
        assert.match(await refused(simulator.sendText("x", { surprise: 1 }), 400, 100), /surprise/);
        await refused(simulator.send({ text: { body: "x", colour: "red" } }), 400, 100);
        await refused(simulator.sendText("x", { image: { link: "https://x.example/i.png" } }), 400, 100);
        await refused(simulator.sendText("x", { context: { message_id: "wamid.x", id: "y" } }), 400, 100);
    });

    test("is refused with 131008 for what is missing", async () => {
        await refused(simulator.send({ messaging_product: undefined, text: { body: "x" } }), 400, 131008);
        await refused(simulator.send({ to: undefined, text: { body: "x" } }), 400, 131008);
        await refused(simulator.send({}), 400, 131008);
        await refused(simulator.send({ text: {} }), 400, 131008);
        await refused(simulator.send({ type: "image", image: {} }), 400, 131008);
        await refused(simulator.sendText("x", { context: {} }), 400, 131008);
    });

    test("is refused with 131009 for bad values, with 131051 for an unknown type", async () => {
        await refused(simulator.sendText("x", { messaging_product: "sms" }), 400, 131009);
        await refused(simulator.sendText("x", { to: "call me" }), 400, 131009);
        await refused(simulator.sendText("x", { to: "" }), 400, 131009);
        await refused(simulator.sendText("x", { recipient_type: "crowd" }), 400, 131009);
        await refused(simulator.sendText("x", { text: "x" }), 400, 131009);
        await refused(simulator.sendText("x", { text: { body: 7 } }), 400, 131009);
        await refused(simulator.sendText("x", { text: { body: "x", preview_url: "yes" } }), 400, 131009);
        await refused(simulator.send({ type: "fax", fax: {} }), 400, 131051);
        await refused(simulator.sendText("x", { to: "15005550100" }), 400, 131021);
    });

    test("counts characters, not bytes: text 1 to 4096, caption to 1024, callback to 512", async () => {
        assert.equal((await simulator.sendText("ä".repeat(4096))).status, 200);
        await refused(simulator.sendText("ä".repeat(4097)), 400, 131009);
        await refused(simulator.sendText(""), 400, 131009);
        const image = (caption) => simulator.send({ type: "image", image: { link: "https://x.example/i.png", caption } });
        assert.equal((await image("😀".repeat(1024))).status, 200);
        await refused(image("😀".repeat(1025)), 400, 131009);
        assert.equal((await simulator.sendText("x", { biz_opaque_callback_data: "c".repeat(512) })).status, 200);
        await refused(simulator.sendText("x", { biz_opaque_callback_data: "c".repeat(513) }), 400, 131009);
    });

    test("takes media by id or by link, never both, and captions only where there are some", async () => {
        const media = (type, object) => simulator.send({ type, [type]: object });
        const link = "https://x.example/file";
        assert.equal((await media("document", { link, filename: "a.pdf", caption: "c" })).status, 200);
        assert.equal((await media("video", { id: "12345" })).status, 200);
        assert.equal((await media("audio", { link: "http://x.example/a.ogg" })).status, 200);
        await refused(media("image", { id: "1", link }), 400, 131009);
        await refused(media("image", { link: "ftp://x.example/i" }), 400, 131009);
        await refused(media("image", { link: "https://" }), 400, 131009);
        await refused(media("image", { id: "" }), 400, 131009);
        await refused(media("audio", { link, caption: "no" }), 400, 100);
        await refused(media("sticker", { link, caption: "no" }), 400, 100);
        await refused(media("image", { link, filename: "no" }), 400, 100);
        assert.deepEqual((await simulator.get("/_sim/sent")).map((copy) => [copy.type, copy.text]), [
            ["document", "c"],
            ["video", null],
            ["audio", null],
        ]);
    });

    test("goes to a user id, to a phone before a user id, and to a group", async () => {
        const byId = await simulator.sendText("x", { to: undefined, recipient: "US.7001" });
        assert.deepEqual(byId.json.contacts, [{ input: "US.7001", user_id: "US.7001" }]);
        const both = await simulator.sendText("x", { recipient: "US.7001" });
        assert.deepEqual(both.json.contacts, [{ input: ANNA, wa_id: ANNA }]);
        const group = await simulator.sendText("x", { recipient_type: "group", to: "Y2FwaV9ncm91cA" });
        assert.equal(group.status, 200);
        assert.deepEqual((await simulator.get("/_sim/sent")).map((copy) => copy.to), ["US.7001", ANNA, "Y2FwaV9ncm91cA"]);
    });

    test("can be a reply, a location, contacts, a reaction", async () => {
        assert.equal((await simulator.sendText("x", { context: { message_id: "wamid.unknown" } })).status, 200);
        const location = (latitude) => simulator.send({ type: "location", location: { latitude, longitude: -8.6, name: "Shop" } });
        assert.equal((await location("41.15")).status, 200);
        await refused(location(91), 400, 131009);
        await refused(location("north"), 400, 131009);
        const contacts = (count) => simulator.send({ type: "contacts", contacts: Array(count).fill({ name: { formatted_name: "A" } }) });
        assert.equal((await contacts(5)).status, 200);
        await refused(contacts(6), 400, 131009);
        await refused(simulator.send({ type: "contacts", contacts: [{ name: {} }] }), 400, 131008);
        assert.equal((await simulator.send({ type: "reaction", reaction: { message_id: "wamid.x", emoji: "" } })).status, 200);
    });

    test("can be interactive, within the limits of each kind", async () => {
        const interactive = (members) => simulator.send({ type: "interactive", interactive: { body: { text: "Choose" }, ...members } });
        const button = (id, title = `Title ${id}`) => ({ type: "reply", reply: { id, title } });
        const buttons = (...list) => interactive({ type: "button", action: { buttons: list } });
        assert.equal((await buttons(button("1"), button("2"), button("3"))).status, 200);
        await refused(buttons(), 400, 131009);
        await refused(buttons(button("1"), button("2"), button("3"), button("4")), 400, 131009);
        await refused(buttons(button("1"), button("1", "Other")), 400, 131009);
        await refused(buttons(button("1", "Same"), button("2", "Same")), 400, 131009);
        await refused(buttons(button("1", "t".repeat(21))), 400, 131009);
        const rows = (count) => Array.from({ length: count }, (_, i) => ({ id: `${i}`, title: `Row ${i}` }));
        const list = (...sections) => interactive({ type: "list", action: { button: "Open", sections } });
        assert.equal((await list({ rows: rows(10) })).status, 200);
        await refused(list({ rows: rows(11) }), 400, 131009);
        await refused(list({ title: "a", rows: rows(6) }, { title: "b", rows: rows(5) }), 400, 131009);
        await refused(list({ title: "a", rows: rows(1) }, { rows: rows(1) }), 400, 131008);
        const url = { name: "cta_url", parameters: { display_text: "Go", url: "https://x.example/" } };
        assert.equal((await interactive({ type: "cta_url", action: url })).status, 200);
        assert.equal((await interactive({ type: "location_request_message", action: { name: "send_location" } })).status, 200);
        const flow = (names) => ({ name: "flow", parameters: { flow_message_version: "3", flow_cta: "Start", ...names } });
        assert.equal((await interactive({ type: "flow", action: flow({ flow_id: "1" }) })).status, 200);
        await refused(interactive({ type: "flow", action: flow({ flow_id: "1", flow_name: "n" }) }), 400, 131009);
        await refused(interactive({ type: "flow", action: flow({}) }), 400, 131008);
        await refused(interactive({ type: "button", header: { type: "text", text: "h".repeat(61) }, action: { buttons: [button("1")] } }), 400, 131009);
        await refused(interactive({ type: "wheel", action: {} }), 400, 131009);
    });
});

describe("a template", () => {
    const parameters = (...texts) => [{ type: "body", parameters: texts.map((text) => ({ type: "text", text })) }];
    const template = (name, components, code = "en_US") =>
        simulator.send({ type: "template", template: { name, language: { code }, components } });

    test("that is known is accepted, and its filled text kept", async () => {
        assert.equal((await template("hello_world")).status, 200);
        assert.equal((await template("order_update", parameters("8812", "packed"))).status, 200);
        assert.equal((await template("order_update", parameters("8812", "gepackt"), "de")).status, 200);
        const sent = await simulator.get("/_sim/sent");
        assert.deepEqual(
            sent.map((copy) => copy.text),
            ["Welcome and congratulations!", "Your order 8812 is now packed.", "Ihre Bestellung 8812 ist jetzt gepackt."],
        );
        assert.equal(sent[1].template.name, "order_update");
    });

    test("needs its parameters: as many, of the right kind, without line breaks, not too long", async () => {
        await refused(template("hello_world", parameters("x")), 400, 132000);
        await refused(template("order_update", parameters("x")), 400, 132000);
        await refused(template("order_update"), 400, 132000);
        await refused(template("order_update", parameters("a\nb", "x")), 400, 132012);
        await refused(template("order_update", parameters("a     b", "x")), 400, 132012);
        await refused(template("order_update", [{ type: "body", parameters: [{ type: "image" }, { type: "text", text: "x" }] }]), 400, 132012);
        await refused(template("order_update", parameters("x".repeat(1024), "x")), 400, 132005);
        await refused(template("order_update", [{ type: "body", parameters: [{ type: "text" }, { type: "text", text: "x" }] }]), 400, 131008);
    });

    test("that is unknown, in another language, paused or disabled is refused", async () => {
        await refused(template("no_such_template"), 404, 132001);
        await refused(template("hello_world", undefined, "fr"), 404, 132001);
        await refused(template("paused_template"), 400, 132015);
        await refused(template("disabled_template"), 400, 132016);
        await refused(simulator.send({ type: "template", template: { name: "hello_world" } }), 400, 131008);
    });

    test("with a header, a named parameter and buttons is checked in each part", async () => {
        const header = { type: "header", parameters: [{ type: "image", image: { link: "https://x.example/h.jpg" } }] };
        const body = { type: "body", parameters: [{ type: "text", parameter_name: "first_name", text: "Ines" }] };
        const url = { type: "button", sub_type: "url", index: "0", parameters: [{ type: "text", text: "c/8812" }] };
        const quick = { type: "button", sub_type: "quick_reply", index: "1", parameters: [{ type: "payload", payload: "STOP" }] };
        assert.equal((await template("cart_reminder_v2", [header, body, url, quick])).status, 200);
        assert.match((await simulator.get("/_sim/sent"))[0].text, /^Ines, /);
        await refused(template("cart_reminder_v2", [header, body, url]), 400, 132000);
        await refused(template("cart_reminder_v2", [body, url, quick]), 400, 132000);
        const video = { type: "header", parameters: [{ type: "video", video: { link: "https://x.example/h" } }] };
        await refused(template("cart_reminder_v2", [video, body, url, quick]), 400, 132012);
        const unnamed = { type: "body", parameters: [{ type: "text", parameter_name: "last_name", text: "x" }] };
        await refused(template("cart_reminder_v2", [header, unnamed, url, quick]), 400, 132000);
        await refused(template("cart_reminder_v2", [header, body, { ...url, sub_type: "door" }, quick]), 400, 131009);
    });
});

describe("a read mark", () => {
    const mark = (members) =>
        simulator.call("POST", SEND_PATH, { messaging_product: "whatsapp", status: "read", message_id: "wamid.x", ...members }, { token: TOKEN });

    test("is confirmed, with typing too, and sends nothing", async () => {
        assert.deepEqual((await mark()).json, { success: true });
        assert.deepEqual((await mark({ typing_indicator: { type: "text" } })).json, { success: true });
        const count = await simulator.get("/_sim/count");
        assert.deepEqual([count.marked_read, count.sent], [2, 0]);
    });

    test("is refused for a bad id, status or indicator", async () => {
        await refused(mark({ message_id: "nonsense" }), 400, 131009);
        await refused(mark({ message_id: undefined }), 400, 131008);
        await refused(mark({ status: "seen" }), 400, 131009);
        await refused(mark({ typing_indicator: { type: "voice" } }), 400, 131009);
        await refused(mark({ to: ANNA }), 400, 100);
    });
});

describe("the vendor's limits", () => {
    test("a strict window is opened only by an inbound, for 24 hours by its timestamp, and templates pass", async () => {
        await simulator.faults({ window: "strict" });
        await refused(simulator.sendText("x"), 400, 131047);
        const day = 24 * 60 * 60;
        const now = Math.floor(Date.now() / 1000);
        await simulator.call("POST", "/_sim/receive", { from: ANNA, text: "old", timestamp: now - day - 5 });
        await refused(simulator.sendText("x"), 400, 131047);
        const template = { name: "hello_world", language: { code: "en_US" } };
        assert.equal((await simulator.send({ type: "template", template })).status, 200);
        await refused(simulator.sendText("x"), 400, 131047);
        await simulator.call("POST", "/_sim/receive", { from: ANNA, text: "new", timestamp: now - day + 60 });
        assert.equal((await simulator.sendText("x")).status, 200);
        await refused(simulator.sendText("x", { to: "15005550178" }), 400, 131047);
        const other = { messaging_product: "whatsapp", to: ANNA, text: { body: "x" } };
        await refused(simulator.call("POST", "/v23.0/770011223344552/messages", other, { token: TOKEN }), 400, 131047);
    });

    test("a strict window is opened by a raw inbound and by control, and closed by control", async () => {
        await simulator.faults({ window: "strict" });
        const message = { from: ANNA, from_user_id: "US.7001", id: "wamid.1", timestamp: `${Math.floor(Date.now() / 1000)}`, type: "text", text: { body: "x" } };
        const value = { metadata: { phone_number_id: PHONE_ID }, messages: [message] };
        await simulator.call("POST", "/_sim/receive", { raw: { object: "whatsapp_business_account", entry: [{ id: "1", changes: [{ field: "messages", value }] }] } });
        assert.equal((await simulator.sendText("x")).status, 200);
        assert.equal((await simulator.sendText("x", { to: undefined, recipient: "US.7001" })).status, 200);
        await simulator.call("POST", "/_sim/window", { user: ANNA, closed: true });
        await refused(simulator.sendText("x"), 400, 131047);
        await simulator.call("POST", "/_sim/window", { user: `+${ANNA}` });
        assert.equal((await simulator.sendText("x")).status, 200);
        assert.equal((await simulator.call("POST", "/_sim/window", {})).status, 400);
    });

    test("a strict pair takes 45 at once and then 131056; another recipient is unaffected; open takes all", async () => {
        await simulator.faults({ rate: "strict", receipts: { enabled: false } });
        for (let i = 0; i < 45; i++) assert.equal((await simulator.sendText("x")).status, 200);
        await refused(simulator.sendText("x"), 400, 131056);
        assert.equal((await simulator.sendText("x", { to: "15005550178" })).status, 200);
        await simulator.faults({ rate: "open" });
        assert.equal((await simulator.sendText("x")).status, 200);
    });

    test("a strict number takes 80 a second and then 130429", async () => {
        await simulator.faults({ rate: "strict", receipts: { enabled: false } });
        const burst = Array.from({ length: 200 }, (_, i) => simulator.sendText("x", { to: `${15005551000 + i}` }));
        const answers = await Promise.all(burst);
        const accepted = answers.filter((answer) => answer.status === 200).length;
        assert.ok(accepted >= 80 && accepted < 200, `accepted ${accepted}`);
        await refused(answers.find((answer) => answer.status !== 200), 429, 130429);
    });
});

describe("receipts", () => {
    test("sent, delivered, read follow a send, signed, in order, with the callback and the recipient", async () => {
        const id = (await simulator.sendText("x", { biz_opaque_callback_data: "jöb" })).json.messages[0].id;
        await receiver.until(() => receiver.statuses().length === 3);
        const statuses = receiver.statuses();
        assert.deepEqual(statuses.map((status) => status.status), ["sent", "delivered", "read"]);
        for (const status of statuses) {
            assert.equal(status.id, id);
            assert.equal(status.recipient_id, ANNA);
            assert.equal(status.biz_opaque_callback_data, "jöb");
            assert.match(status.timestamp, /^\d{10}$/);
        }
        assert.equal(statuses[0].pricing.pricing_model, "PMP");
        for (const post of receiver.posts) {
            assert.equal(post.headers["x-hub-signature-256"], sign(post.body));
            assert.ok(post.body.includes("j\\u00f6b"), "non-ASCII is escaped, as Meta does");
            const [change] = JSON.parse(post.body).entry[0].changes;
            assert.equal(change.field, "messages");
            assert.equal(change.value.metadata.phone_number_id, PHONE_ID);
        }
        await simulator.until("/_sim/count", (count) => count.receipts_delivered === 3);
    });

    test("carry the user id where there is no phone", async () => {
        await simulator.sendText("x", { to: undefined, recipient: "US.7001" });
        const [status] = await receiver.until(() => receiver.statuses().length === 3 && receiver.statuses());
        assert.deepEqual([status.recipient_id, status.recipient_user_id], [undefined, "US.7001"]);
    });

    test("come when the plan says; -1 leaves one out; disabled sends none", async () => {
        await simulator.faults({ receipts: { sent_ms: 0, delivered_ms: -1, read_ms: 300 } });
        const started = performance.now();
        await simulator.sendText("x");
        await receiver.until(() => receiver.statuses().length === 2);
        assert.deepEqual(receiver.statuses().map((status) => status.status), ["sent", "read"]);
        assert.ok(performance.now() - started >= 295);
        await simulator.faults({ receipts: { enabled: false } });
        await simulator.sendText("x");
        assert.equal((await simulator.get("/_sim/count")).receipts_waiting, 0);
        await simulator.faults({ receipts: null, webhook: { drop_receipts: true } });
        await simulator.sendText("x");
        assert.equal((await simulator.get("/_sim/count")).receipts_waiting, 0);
    });

    test("that are due together share a POST, up to the batch, and changes by phone number", async () => {
        await simulator.faults({ receipts: { sent_ms: 500, delivered_ms: -1, read_ms: -1 }, webhook: { batch: 40 } });
        const path = (i) => `/v23.0/${i < 50 ? PHONE_ID : "770011223344552"}/messages`;
        const body = { messaging_product: "whatsapp", to: ANNA, text: { body: "x" } };
        await Promise.all(Array.from({ length: 100 }, (_, i) => simulator.call("POST", path(i), body, { token: TOKEN })));
        await receiver.until(() => receiver.statuses().length === 100);
        const sizes = receiver.posts.map((post) => JSON.parse(post.body).entry[0].changes.flatMap((change) => change.value.statuses).length);
        assert.ok(Math.max(...sizes) <= 40 && sizes.length < 50, `POSTs of ${sizes}`);
        assert.equal(new Set(receiver.statuses().map((status) => status.id)).size, 100);
    });

    test("are posted again with growing gaps until the gateway says 200", async () => {
        let refusals = 3;
        receiver.answer = () => (refusals-- > 0 ? 503 : 200);
        await simulator.faults({ receipts: { delivered_ms: -1, read_ms: -1 } });
        await simulator.sendText("x");
        await receiver.until(() => receiver.posts.length === 4);
        const gaps = receiver.posts.slice(1).map((post, i) => post.at - receiver.posts[i].at);
        assert.ok(gaps[0] >= 95 && gaps[1] >= 195 && gaps[2] >= 395, `gaps of ${gaps}`);
        assert.ok(receiver.posts.every((post) => post.body.equals(receiver.posts[0].body)));
        await simulator.until("/_sim/count", (count) => count.receipts_delivered === 1);
    });

    test("survive a gateway that is away for a while", async () => {
        const port = new URL(receiver.url).port;
        receiver.close();
        await simulator.faults({ receipts: { sent_ms: 0, delivered_ms: 0, read_ms: 0 } });
        await simulator.sendText("x");
        assert.equal((await simulator.call("POST", "/_sim/receive", { from: ANNA, text: "x" })).json.status, 0);
        receiver.server.listen(port, "127.0.0.1");
        await receiver.until(() => receiver.statuses().length === 3);
    });

    test("arrive in another order when the plan says so, the same one for the same seed", async () => {
        async function arrivals(seed) {
            await simulator.faults({ seed, webhook: { reorder: true }, receipts: { sent_ms: 10, delivered_ms: 60, read_ms: 110 } });
            receiver.reset();
            const orders = [];
            for (let i = 0; i < 6; i++) {
                await simulator.sendText("x");
                await receiver.until(() => receiver.statuses().length === 3 * (i + 1));
                orders.push(receiver.statuses().slice(-3).map((status) => status.status).join());
            }
            return orders;
        }
        const first = await arrivals(7);
        assert.ok(first.some((order) => order !== "sent,delivered,read"), `orders ${first.join(" ")}`);
        assert.deepEqual(await arrivals(7), first);
    });
});

describe("an inbound", () => {
    test("is delivered signed, in the vendor's envelope, and the gateway's status comes back", async () => {
        const order = { from: `+${ANNA}`, text: "Wo ist’s? 😀", name: "Inês", user_id: "US.7001", timestamp: 1763632800, context: { id: "wamid.before" } };
        const answer = await simulator.call("POST", "/_sim/receive", order);
        assert.equal(answer.json.status, 200);
        const [post] = receiver.posts;
        assert.equal(post.headers["x-hub-signature-256"], sign(post.body));
        assert.match(post.body.toString("latin1"), /^[\x20-\x7e]+$/);
        const { object, entry } = JSON.parse(post.body);
        assert.equal(object, "whatsapp_business_account");
        const { value } = entry[0].changes[0];
        assert.equal(value.metadata.phone_number_id, PHONE_ID);
        assert.deepEqual(value.contacts, [{ profile: { name: "Inês" }, wa_id: ANNA, user_id: "US.7001" }]);
        assert.deepEqual(value.messages, [
            {
                ...{ from: ANNA, from_user_id: "US.7001", id: answer.json.id, timestamp: "1763632800" },
                ...{ context: { id: "wamid.before" }, type: "text", text: { body: "Wo ist’s? 😀" } },
            },
        ]);
    });

    test("can name its id and number, and come without a phone", async () => {
        const answer = await simulator.call("POST", "/_sim/receive", { user_id: "US.7", text: "x", id: "wamid.mine", phone_id: "99" });
        assert.deepEqual(answer.json, { status: 200, tries: 1, id: "wamid.mine" });
        const [message] = receiver.messages();
        assert.deepEqual([message.from, message.from_user_id, message.id], [undefined, "US.7", "wamid.mine"]);
    });

    test("tells the status of a gateway that refuses, and with retry goes on until it doesn't", async () => {
        let refusals = 1;
        receiver.answer = () => (refusals-- > 0 ? 503 : 200);
        assert.equal((await simulator.call("POST", "/_sim/receive", { from: ANNA, text: "x" })).json.status, 503);
        refusals = 2;
        const answer = await simulator.call("POST", "/_sim/receive", { from: ANNA, text: "x", retry: true });
        assert.deepEqual([answer.json.status, answer.json.tries], [200, 3]);
    });

    test("can be any raw body: the signatures are those of the contract", async () => {
        const vectors = [
            ['{"object":"whatsapp_business_account","entry":[]}', "c4d79b068a67c74b696a98657900136aa1322b487e8ca12ddf8c50573472977a"],
            ['{"t":"\\u00e4\\u00f6"}', "dc85b3c7510765900f3b071908e7858d76c732e8b24c8d8650fb5fee4c848da2"],
            ['{"t":"äö"}', "6fb4cc8d47eeb89fceed7737367c5729b04aa8454e68c9d7d0ff7d48aec50407"],
        ];
        for (const [body, hex] of vectors) {
            receiver.reset();
            const answer = await simulator.call("POST", "/_sim/receive", { raw: body });
            assert.deepEqual(answer.json, { status: 200, tries: 1, id: null });
            assert.equal(receiver.posts[0].body.toString(), body);
            assert.equal(receiver.posts[0].headers["x-hub-signature-256"], `sha256=${hex}`);
        }
        receiver.reset();
        await simulator.call("POST", "/_sim/receive", { raw: { t: "äö" } });
        assert.equal(receiver.posts[0].body.toString(), '{"t":"\\u00e4\\u00f6"}');
    });

    test("is refused when it is none, naming what is wrong", async () => {
        const wrong = [{}, { from: ANNA }, { from: "x", text: "x" }, { from: ANNA, text: "x", context: "y" }, { from: ANNA, text: "x", colour: 1 }, "[]", "{"];
        for (const body of wrong) {
            const answer = await simulator.call("POST", "/_sim/receive", body);
            assert.equal(answer.status, 400, JSON.stringify(body));
            assert.ok(answer.json.error);
        }
        assert.equal(receiver.posts.length, 0);
    });

    test("is delivered as often as the plan says", async () => {
        await simulator.faults({ webhook: { duplicate: 3 } });
        await simulator.call("POST", "/_sim/receive", { from: ANNA, text: "x" });
        assert.equal(receiver.posts.length, 3);
        assert.equal(new Set(receiver.messages().map((message) => message.id)).size, 1);
    });

    test("can carry a wrong, missing or stale signature", async () => {
        const signature = async (fault) => {
            receiver.reset();
            await simulator.faults({ webhook: { bad_signature: fault } });
            await simulator.call("POST", "/_sim/receive", { from: ANNA, text: "x" });
            return receiver.posts[0].headers["x-hub-signature-256"];
        };
        for (const fault of [true, "wrong", "stale"]) {
            const got = await signature(fault);
            assert.match(got, /^sha256=[0-9a-f]{64}$/);
            assert.notEqual(got, sign(receiver.posts[0].body));
        }
        assert.equal(await signature("missing"), undefined);
        assert.equal(await signature(false), sign(receiver.posts[0].body));
    });
});

describe("faults of a send", () => {
    test("a vendor code comes as often as planned, with Retry-After, and nothing is accepted", async () => {
        await simulator.faults({ graph: { code: 131056, count: 2, retry_after: 7 } });
        const answer = await simulator.sendText("x");
        await refused(answer, 400, 131056);
        assert.equal(answer.headers["retry-after"], "7");
        await refused(simulator.sendText("x"), 400, 131056);
        assert.equal((await simulator.sendText("x")).status, 200);
        assert.equal((await simulator.get("/_sim/count")).sent, 1);
    });

    test("codes come with the HTTP status of the contract", async () => {
        for (const [code, status] of [[0, 401], [190, 401], [10, 403], [230, 403], [131000, 500], [131016, 503], [130429, 429], [424242, 400]]) {
            await simulator.faults({ graph: { code } });
            await refused(simulator.sendText("x"), status, code);
        }
    });

    test("each n-th call, only one recipient, or by chance from the seed", async () => {
        const outcomes = async (count, members) => {
            const seen = [];
            for (let i = 0; i < count; i++) seen.push((await simulator.sendText("x", members)).status);
            return seen;
        };
        await simulator.faults({ graph: { code: 131000, every: 3 } });
        assert.deepEqual(await outcomes(6), [200, 200, 500, 200, 200, 500]);
        await simulator.faults({ graph: { code: 131000, to: `+${ANNA}` } });
        assert.deepEqual(await outcomes(2), [500, 500]);
        assert.deepEqual(await outcomes(2, { to: "15005550178" }), [200, 200]);
        await simulator.faults({ seed: 42, graph: { code: 131000, probability: 0.5 } });
        const first = await outcomes(20);
        assert.ok(first.includes(200) && first.includes(500));
        await simulator.faults({ seed: 42, graph: { code: 131000, probability: 0.5 } });
        assert.deepEqual(await outcomes(20), first);
    });

    test("a cut before acceptance leaves nothing behind; one after it leaves the copy and its receipts", async () => {
        await simulator.faults({ graph: { cut_before_accept: true, count: 1 } });
        await assert.rejects(simulator.sendText("lost"), { code: "ECONNRESET" });
        assert.deepEqual(await simulator.get("/_sim/sent"), []);
        await simulator.faults({ graph: { accept_then_cut: true, count: 1 } });
        await assert.rejects(simulator.sendText("kept", { biz_opaque_callback_data: "job-9" }), { code: "ECONNRESET" });
        const [copy] = await simulator.get("/_sim/sent");
        assert.deepEqual([copy.text, copy.callback], ["kept", "job-9"]);
        const statuses = await receiver.until(() => receiver.statuses().length === 3 && receiver.statuses());
        assert.ok(statuses.every((status) => status.id === copy.id && status.biz_opaque_callback_data === "job-9"));
    });

    test("a bare status has a page of HTML and no error body", async () => {
        await simulator.faults({ graph: { http_only: 502, count: 1, retry_after: 1 } });
        const answer = await simulator.sendText("x");
        assert.equal(answer.status, 502);
        assert.match(answer.headers["content-type"], /html/);
        assert.equal(answer.headers["retry-after"], "1");
        assert.throws(() => answer.json);
    });

    test("latency holds for every call; alone it can be limited to some", async () => {
        const timed = async () => {
            const started = performance.now();
            const { status } = await simulator.sendText("x");
            return [status, performance.now() - started];
        };
        await simulator.faults({ graph: { latency_ms: 200, jitter_ms: 20, code: 131000, every: 2 } });
        for (const expected of [200, 500]) {
            const [status, took] = await timed();
            assert.equal(status, expected);
            assert.ok(took >= 199 && took < 1000, `took ${took}`);
        }
        await simulator.faults({ graph: { latency_ms: 200, count: 1 } });
        assert.ok((await timed())[1] >= 199);
        assert.ok((await timed())[1] < 150);
    });

    test("the answer of a send can come after its first status", async () => {
        await simulator.faults({ webhook: { delay_send_answer_ms: 400 } });
        const answer = simulator.sendText("x");
        const [status] = await receiver.until(() => receiver.statuses().length > 0 && receiver.statuses());
        const raced = await Promise.race([answer, Promise.resolve("not yet")]);
        assert.equal(raced, "not yet");
        assert.equal((await answer).json.messages[0].id, status.id);
    });

    test("an unreachable number is refused with 131026; an error can also come later, as a failed status", async () => {
        await simulator.faults({ unreachable: ["0199"] });
        await refused(simulator.sendText("x", { to: "15005550199" }), 400, 131026);
        assert.equal((await simulator.sendText("x")).status, 200);
        await receiver.until(() => receiver.statuses().length === 3);
        await simulator.faults({ unreachable: [], graph: { code: 131026, fail_later: true, count: 1 } });
        receiver.reset();
        assert.equal((await simulator.sendText("x")).status, 200);
        const [status] = await receiver.until(() => receiver.statuses().length === 1 && receiver.statuses());
        assert.deepEqual([status.status, status.errors[0].code], ["failed", 131026]);
        assert.equal((await simulator.get("/_sim/count")).receipts_waiting <= 1, true);
    });

    test("an invalid send is refused as such, and uses up no fault", async () => {
        await simulator.faults({ graph: { code: 131000, count: 1 } });
        await refused(simulator.sendText(""), 400, 131009);
        await refused(simulator.sendText("x"), 500, 131000);
    });
});

describe("the model", () => {
    test("answers with a number and the last words of the user, and counts tokens", async () => {
        const words = "ü".repeat(70);
        const messages = [
            { role: "system", content: "Be kind." },
            { role: "user", content: "first" },
            { role: "assistant", content: "yes" },
            { role: "user", content: words },
        ];
        const { status, json, headers } = await simulator.ask({ messages, temperature: 0.7, max_completion_tokens: 500 });
        assert.equal(status, 200);
        assert.equal(json.object, "chat.completion");
        assert.equal(json.model, "gpt-4o-mini");
        const [choice] = json.choices;
        assert.equal(choice.finish_reason, "stop");
        assert.deepEqual(choice.message, { role: "assistant", refusal: null, content: `Reply #1 to "${"ü".repeat(60)}"` });
        assert.ok(json.usage.prompt_tokens > 0 && json.usage.completion_tokens > 0);
        assert.equal(json.usage.total_tokens, json.usage.prompt_tokens + json.usage.completion_tokens);
        assert.ok(headers["x-request-id"]);
        assert.match((await simulator.ask()).json.choices[0].message.content, /^Reply #2 to "Hello\?"$/);
        const calls = await simulator.get("/_sim/llm");
        assert.deepEqual({ ...calls[0], at: 0 }, { at: 0, model: "gpt-4o-mini", messages, aborted: false, status: 200 });
        assert.equal((await simulator.get("/_sim/llm?since=1")).length, 1);
        assert.equal((await simulator.ask({ n: 3 })).json.choices.length, 3);
    });

    test("is strict about key, model, messages, numbers and unknown arguments", async () => {
        const wrong = async (members, status, code, options) => {
            const answer = await simulator.ask(members, options);
            assert.deepEqual([answer.status, answer.json.error.code], [status, code], answer.text);
            assert.ok(answer.json.error.type && answer.json.error.message);
        };
        await wrong({}, 401, "invalid_api_key", { token: "wrong" });
        await wrong({}, 401, "invalid_api_key", {});
        await wrong({ model: undefined }, 400, "missing_required_parameter");
        await wrong({ messages: undefined }, 400, "missing_required_parameter");
        await wrong({ messages: [] }, 400, "empty_array");
        await wrong({ messages: [{ role: "robot", content: "x" }] }, 400, "invalid_value");
        await wrong({ messages: [{ role: "user" }] }, 400, "invalid_type");
        await wrong({ messages: [{ role: "user", content: 7 }] }, 400, "invalid_type");
        await wrong({ messages: [{ role: "tool", content: "x" }] }, 400, "missing_required_parameter");
        for (const temperature of [-0.1, 2.1, "warm"]) await wrong({ temperature }, 400, "invalid_value");
        for (const temperature of [0, 2]) assert.equal((await simulator.ask({ temperature })).status, 200);
        await wrong({ max_completion_tokens: 0 }, 400, "invalid_value");
        await wrong({ surprise: 1 }, 400, null);
        await wrong({ stream: true }, 400, "unsupported_value");
        assert.equal((await simulator.call("POST", "/v1/chat/completions", "{", { token: KEY })).status, 400);
        const calls = await simulator.get("/_sim/llm");
        assert.deepEqual([calls[0].status, calls.at(-1).messages], [401, null]);
    });

    test("lists its models, with those whose names script what happens", async () => {
        const { data } = (await simulator.call("GET", "/v1/models", undefined, { token: KEY })).json;
        assert.ok(data.some((model) => model.id === "gpt-4o-mini") && data.some((model) => model.id === "sim-cut"));
        assert.equal((await simulator.ask({ model: "sim-status-429" })).json.error.type, "rate_limit_exceeded");
        assert.equal((await simulator.ask({ model: "sim-status-404" })).json.error.code, "model_not_found");
        assert.equal((await simulator.ask({ model: "sim-length" })).json.choices[0].finish_reason, "length");
        assert.equal((await simulator.ask({ model: "sim-filter" })).json.choices[0].finish_reason, "content_filter");
        await assert.rejects(simulator.ask({ model: "sim-cut" }), { code: "ECONNRESET" });
        const started = performance.now();
        assert.equal((await simulator.ask({ model: "sim-slow-200" })).status, 200);
        assert.ok(performance.now() - started >= 199);
        await simulator.faults({ llm: { reply: "the plan goes first" } });
        assert.equal((await simulator.ask({ model: "sim-status-500" })).json.choices[0].message.content, "the plan goes first");
    });

    test("fails as planned: statuses with their errors, Retry-After, garbage, cuts, a scripted reply", async () => {
        await simulator.faults({ llm: { status: 500, count: 2 } });
        assert.equal((await simulator.ask()).json.error.type, "server_error");
        assert.equal((await simulator.ask()).status, 500);
        assert.equal((await simulator.ask()).status, 200);
        const error = { type: "insufficient_quota", code: "credit_balance_exhausted" };
        await simulator.faults({ llm: { status: 429, error, retry_after: 2 } });
        const answer = await simulator.ask();
        assert.deepEqual([answer.status, answer.json.error.type, answer.json.error.code], [429, error.type, error.code]);
        assert.equal(answer.headers["retry-after"], "2");
        await simulator.faults({ llm: { garbage: true } });
        const garbage = await simulator.ask();
        assert.equal(garbage.status, 200);
        assert.throws(() => garbage.json);
        await simulator.faults({ llm: { cut: true } });
        await assert.rejects(simulator.ask(), { code: "ECONNRESET" });
        await simulator.faults({ llm: { reply: "Forty euros." } });
        assert.equal((await simulator.ask()).json.choices[0].message.content, "Forty euros.");
        await simulator.faults({ llm: null });
        assert.match((await simulator.ask()).json.choices[0].message.content, /^Reply #8 /);
        assert.deepEqual((await simulator.get("/_sim/llm")).map((call) => call.status), [500, 500, 200, 429, 200, null, 200, 200]);
    });

    test("notices a client that leaves while the answer is due", async () => {
        await simulator.faults({ llm: { latency_ms: 60000 } });
        const controller = new AbortController();
        const answer = simulator.ask({}, { token: KEY, signal: controller.signal });
        await simulator.until("/_sim/count", (count) => count.llm_in_flight === 1);
        const [waiting] = await simulator.get("/_sim/llm");
        assert.deepEqual([waiting.aborted, waiting.status], [false, null]);
        controller.abort();
        await assert.rejects(answer);
        await simulator.until("/_sim/count", (count) => count.llm_in_flight === 0 && count.llm_aborted === 1);
        const [call] = await simulator.get("/_sim/llm");
        assert.deepEqual([call.aborted, call.status], [true, null]);
    });

    test("holds two thousand calls at once", async () => {
        await simulator.faults({ llm: { latency_ms: 1500 } });
        const calls = Array.from({ length: 2000 }, () => simulator.ask());
        await simulator.until("/_sim/count", (count) => count.llm_in_flight === 2000);
        const answers = await Promise.all(calls);
        assert.ok(answers.every((answer) => answer.status === 200));
        assert.equal((await simulator.get("/_sim/count")).llm, 2000);
    });
});

describe("control", () => {
    test("a plan merges by its top-level members, reads back as it is, and null clears one", async () => {
        await simulator.faults({ llm: { status: 500, latency_ms: 5 }, graph: { code: 190 } });
        const plan = await simulator.faults({ llm: { latency_ms: 7 } });
        assert.deepEqual([plan.llm.status, plan.llm.latency_ms, plan.graph.code], [null, 7, 190]);
        assert.deepEqual(await simulator.get("/_sim/faults"), plan);
        assert.deepEqual(await simulator.faults(plan), plan);
        assert.equal((await simulator.faults({ graph: null })).graph.code, null);
    });

    test("a plan with an unknown member or a bad value is refused by name and changes nothing", async () => {
        const wrong = [
            [{ lmm: {} }, /lmm/],
            [{ llm: { latency: 1 } }, /latency/],
            [{ llm: { error: { kind: "x" } } }, /kind/],
            [{ graph: { code: 190 }, webhook: { batch: 0 } }, /batch/],
            [{ llm: { latency_ms: 1.5 } }, /latency_ms/],
            [{ llm: { probability: 1.1 } }, /probability/],
            [{ window: "ajar" }, /window/],
            [{ unreachable: [1] }, /unreachable/],
            [{ llm: 1 }, /llm/],
            ["[]", /object/],
        ];
        const before = await simulator.get("/_sim/faults");
        for (const [plan, name] of wrong) {
            const answer = await simulator.call("POST", "/_sim/faults", plan);
            assert.equal(answer.status, 400, JSON.stringify(plan));
            assert.match(answer.json.error, name);
        }
        assert.deepEqual(await simulator.get("/_sim/faults"), before);
    });

    test("a reset forgets records, faults, buckets and windows, or keeps the records", async () => {
        await simulator.faults({ receipts: { enabled: false } });
        await simulator.sendText("x");
        await simulator.ask();
        for (const [path, body] of [["/_sim/reset?keep_records=true"], ["/_sim/reset", { keep_records: true }]]) {
            await simulator.faults({ graph: { code: 190 }, receipts: { enabled: false } });
            await simulator.call("POST", path, body);
            assert.equal((await simulator.get("/_sim/faults")).graph.code, null);
            assert.equal((await simulator.get("/_sim/sent")).length, 1);
        }
        assert.equal((await simulator.call("POST", "/_sim/reset", { keep: true })).status, 400);
        await simulator.call("POST", "/_sim/reset");
        assert.deepEqual(await simulator.get("/_sim/sent"), []);
        assert.deepEqual(await simulator.get("/_sim/llm"), []);
        assert.match((await simulator.ask()).json.choices[0].message.content, /^Reply #1 /);
    });
});
