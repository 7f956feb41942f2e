// The control door of the sandbox. The token travels in a header only: a cookie
// would be sent to every other server on 127.0.0.1 as well, whatever its port.

export class Refused extends Error {
  constructor(status, code, detail) {
    super(detail);
    Object.assign(this, { status, code });
  }
}

export class Unreachable extends Error {
  constructor() {
    super("The sandbox does not answer. Is it still running?");
  }
}

export class Api {
  constructor(token) {
    this.token = token;
  }

  /** Ask for anything below /control; a refusal becomes an error with its advice. */
  async request(path, { headers, ...options } = {}) {
    let response;
    try {
      response = await fetch(`/control${path}`, {
        ...options,
        headers: { Authorization: `Bearer ${this.token}`, ...headers },
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Unreachable();
    }
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({}));
    throw new Refused(response.status, problem.code, problem.detail ?? response.statusText);
  }

  async get(path) {
    return (await this.request(path)).json();
  }

  async act(act, fields) {
    const body = JSON.stringify({ actions: [{ act, ...fields }] });
    const answer = await (await this.request("/actions", { method: "POST", body })).json();
    return answer.outcomes[0];
  }

  async sendFile(file, fields) {
    const form = new FormData();
    const given = { name: file.name, ...fields };
    for (const [name, value] of Object.entries(given)) if (value != null) form.append(name, value);
    form.append("file", file, "file");
    return (await this.request("/files", { method: "POST", body: form })).json();
  }

  async file(token) {
    return (await this.request(`/files/${encodeURIComponent(token)}`)).blob();
  }
}
