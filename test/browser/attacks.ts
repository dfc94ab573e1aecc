// What a page can try against a server that it is no friend of.
//
// Knows:          what browsers let a page send: simple requests without asking, others after a preflight.
// Does not know:  what the server does about it; each case says what is expected.
//
// The scripts run in the page. `target` is the server's address, `start` the body that starts an execution, `operation` the
// headers that go with it, `bounce` an address of the page's own server that redirects to the server (307: the method and
// the body stay). Their results are all that the page learns.

export interface Attack {
  readonly name: string;
  readonly script: string;
  /** What the server gets, and with which status it answers. */
  readonly requests: readonly string[];
  readonly learns: string;
}

/** Functions for the scripts. */
const HELPERS = `
  const happened = (thing, ...events) =>
    new Promise((done) => events.forEach((name) => thing.addEventListener(name, () => done(name), { once: true })));
  const put = (name, attributes) => {
    const element = Object.assign(document.createElement(name), attributes);
    const loaded = happened(element, "load", "error");
    document.body.append(element);
    return loaded;
  };
  const framed = (frame) => {
    try {
      return frame.contentDocument === null ? "a frame that cannot be read" : frame.contentDocument.body.innerText;
    } catch (error) {
      return error.name;
    }
  };
  const submit = async (attributes, fields) => {
    const frame = Object.assign(document.createElement("iframe"), { name: "sink" });
    document.body.append(frame);
    const form = Object.assign(document.createElement("form"), { method: "post", action: target, target: "sink" }, attributes);
    for (const [name, value] of fields) form.append(Object.assign(document.createElement("input"), { name, value }));
    document.body.append(form);
    const loaded = happened(frame, "load");
    form.submit();
    await loaded;
    return framed(frame);
  };
  const told = (promise) =>
    promise.then(
      async (answer) => [answer.type, answer.status, await answer.text()].join(" ").trim(),
      (error) => error.name,
    );
  const ask = async (headers, prepare = () => {}) => {
    const request = new XMLHttpRequest();
    const ended = happened(request, "load", "error");
    request.open("POST", target);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    prepare(request);
    request.send(start);
    return [await ended, request.status, request.responseText].join(" ").trim();
  };`;

/** As an expression whose value is a promise of what the page learns. */
export function pageScript(
  { script }: Pick<Attack, "script">,
  words: Readonly<Record<string, unknown>>,
): string {
  const names = Object.entries(words).map(([name, value]) => `const ${name} = ${JSON.stringify(value)};`);
  return `(async () => { ${names.join(" ")} ${HELPERS}\n${script} })()`;
}

const FRAME = "a frame that cannot be read";
const POST_REFUSED = ["POST / with the start 403"];
const PREFLIGHT_REFUSED = ["OPTIONS / 403"];
/** The field's name and value make one JSON text around the `=` between them. */
const JSON_FIELD = `[[start.replace(/"\\}$/, ""), '"}']]`;
const START_QUERY = `new URLSearchParams({ "X-Amz-Target": operation["X-Amz-Target"], ...JSON.parse(start) })`;

export const ATTACKS: readonly Attack[] = [
  // Forms: they go to any server, without asking.
  {
    name: "a form whose plain text is JSON",
    script: `return submit({ enctype: "text/plain" }, ${JSON_FIELD});`,
    requests: POST_REFUSED,
    learns: FRAME,
  },
  {
    name: "a form, urlencoded",
    script: `return submit({}, Object.entries(JSON.parse(start)));`,
    requests: POST_REFUSED,
    learns: FRAME,
  },
  {
    name: "a form in parts",
    script: `return submit({ enctype: "multipart/form-data" }, Object.entries(JSON.parse(start)));`,
    requests: POST_REFUSED,
    learns: FRAME,
  },
  {
    name: "a form of a page that hides where it comes from",
    script: `document.head.append(Object.assign(document.createElement("meta"), { name: "referrer", content: "no-referrer" }));
      return submit({ enctype: "text/plain" }, ${JSON_FIELD});`,
    requests: POST_REFUSED,
    learns: FRAME,
  },
  {
    name: "a form to the page's own server, which sends it on",
    script: `return submit({ enctype: "text/plain", action: bounce }, ${JSON_FIELD});`,
    requests: POST_REFUSED,
    learns: FRAME,
  },
  {
    name: "a form that asks with GET",
    script: `return submit({ method: "get" }, ${START_QUERY});`,
    requests: ["GET /? 200"],
    learns: FRAME,
  },

  // fetch without CORS: simple requests only, whatever the page says.
  {
    name: "fetch without CORS, plain text",
    script: `return told(fetch(target, { method: "POST", mode: "no-cors", body: start }));`,
    requests: POST_REFUSED,
    learns: "opaque 0",
  },
  {
    name: "fetch without CORS, with an operation's headers, which the browser drops",
    script: `return told(fetch(target, { method: "POST", mode: "no-cors", body: start, headers: operation }));`,
    requests: POST_REFUSED,
    learns: "opaque 0",
  },
  {
    name: "fetch without CORS, with the server's own Origin and Host, which the browser drops",
    script: `const headers = { Origin: target.slice(0, -1), Host: "localhost", Referer: target };
      return told(fetch(target, { method: "POST", mode: "no-cors", body: start, headers }));`,
    requests: POST_REFUSED,
    learns: "opaque 0",
  },
  {
    name: "fetch without CORS that outlives its page, with cookies",
    script: `return told(fetch(target, { method: "POST", mode: "no-cors", body: start, keepalive: true, credentials: "include" }));`,
    requests: POST_REFUSED,
    learns: "opaque 0",
  },
  {
    name: "fetch without CORS through the page's own server",
    script: `return told(fetch(bounce, { method: "POST", mode: "no-cors", body: start }));`,
    requests: POST_REFUSED,
    learns: "opaque 0",
  },

  // fetch with CORS: what is not simple is asked for first.
  {
    name: "fetch with CORS, an operation's headers",
    script: `return told(fetch(target, { method: "POST", body: start, headers: operation }));`,
    requests: PREFLIGHT_REFUSED,
    learns: "TypeError",
  },
  {
    name: "fetch with CORS, an operation's media type",
    script: `return told(fetch(target, { method: "POST", body: start, headers: { "Content-Type": operation["Content-Type"] } }));`,
    requests: PREFLIGHT_REFUSED,
    learns: "TypeError",
  },
  {
    name: "fetch with CORS, an operation's target",
    script: `return told(fetch(target, { method: "POST", body: start, headers: { "X-Amz-Target": operation["X-Amz-Target"] } }));`,
    requests: PREFLIGHT_REFUSED,
    learns: "TypeError",
  },
  {
    name: "fetch with CORS, plain text",
    script: `return told(fetch(target, { method: "POST", body: start }));`,
    requests: POST_REFUSED,
    learns: "TypeError",
  },
  {
    name: "fetch with CORS in a worker",
    script: `const request = JSON.stringify({ method: "POST", body: start });
      const work = \`(\${told})(fetch("\${target}", \${request})).then(postMessage)\`;
      const worker = new Worker(URL.createObjectURL(new Blob([work], { type: "text/javascript" })));
      return new Promise((done) => worker.addEventListener("message", ({ data }) => done(data)));`,
    requests: POST_REFUSED,
    learns: "TypeError",
  },
  {
    name: "fetch of what there is to read",
    script: `const seen = await Promise.all(["", "health", "ready", "metrics"].map((path) => told(fetch(target + path))));
      return seen.join(", ");`,
    requests: ["GET / 403", "GET /health 403", "GET /metrics 403", "GET /ready 403"],
    learns: "TypeError, TypeError, TypeError, TypeError",
  },

  // XMLHttpRequest
  {
    name: "XMLHttpRequest with an operation's headers",
    script: `return ask(operation);`,
    requests: PREFLIGHT_REFUSED,
    learns: "error 0",
  },
  {
    name: "XMLHttpRequest with an operation's headers, watched",
    script: `return ask(operation, ({ upload }) => upload.addEventListener("progress", () => {}));`,
    requests: PREFLIGHT_REFUSED,
    learns: "error 0",
  },
  {
    name: "XMLHttpRequest with plain text",
    script: `return ask({});`,
    requests: POST_REFUSED,
    learns: "error 0",
  },
  {
    name: "XMLHttpRequest with plain text that watches the upload",
    script: `return ask({}, ({ upload }) => upload.addEventListener("progress", () => {}));`,
    requests: PREFLIGHT_REFUSED,
    learns: "error 0",
  },

  // What is sent and forgotten
  {
    name: "a beacon of text",
    script: `return String(navigator.sendBeacon(target, start));`,
    requests: POST_REFUSED,
    learns: "true",
  },
  {
    name: "a beacon of a form",
    script: `return String(navigator.sendBeacon(target, new URLSearchParams(JSON.parse(start))));`,
    requests: POST_REFUSED,
    learns: "true",
  },
  {
    name: "a beacon of an operation's media type",
    script: `return String(navigator.sendBeacon(target, new Blob([start], { type: operation["Content-Type"] })));`,
    requests: PREFLIGHT_REFUSED,
    learns: "true",
  },
  {
    name: "a ping of a link",
    script: `const link = Object.assign(document.createElement("a"), { href: "#here", ping: target });
      document.body.append(link);
      link.click();
      return "nothing";`,
    requests: ["POST / 403"],
    learns: "nothing",
  },

  // What a page shows: GET, and nobody asks for an operation with it.
  {
    name: "an image",
    script: `return put("img", { src: target + "?" + ${START_QUERY} });`,
    requests: ["GET /? 200"],
    learns: "error",
  },
  {
    name: "a script",
    script: `return put("script", { src: target + "?" + ${START_QUERY} });`,
    requests: ["GET /? 200"],
    learns: "error",
  },
  {
    name: "the metrics as a script and as a style sheet",
    script: `const script = await put("script", { src: target + "metrics" });
      return script + ", " + (await put("link", { rel: "stylesheet", href: target + "metrics" }));`,
    requests: ["GET /metrics 200", "GET /metrics 200"],
    learns: "error, error",
  },
  {
    name: "a frame",
    script: `const frame = Object.assign(document.createElement("iframe"), { src: target });
      const loaded = happened(frame, "load");
      document.body.append(frame);
      await loaded;
      return framed(frame);`,
    requests: ["GET / 200"],
    learns: FRAME,
  },
  {
    name: "a WebSocket",
    script: `return happened(new WebSocket(target.replace("http", "ws")), "open", "error");`,
    requests: ["GET / 403"],
    learns: "error",
  },
  {
    name: "a stream of events",
    script: `return happened(new EventSource(target), "open", "error");`,
    requests: ["GET / 403"],
    learns: "error",
  },
];
