// The YAML language server as an editor starts it, spoken to over standard
// input and output: https://microsoft.github.io/language-server-protocol/
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('node_modules/yaml-language-server/bin/yaml-language-server', import.meta.url));
// An answer that takes longer will not come.
const PATIENCE_MS = 60_000;
// Nothing is fetched: the only schema is the one a file names.
const SETTINGS = { validate: true, hover: true, completion: true, schemaStore: { enable: false } };

export class Server {
  #child = spawn(process.execPath, [PROGRAM, '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
  #read = Buffer.alloc(0);
  #waiting = new Map();
  #diagnostics = new Map();
  #last = 0;

  constructor() {
    this.#child.stdout.on('data', (bytes) => {
      this.#read = Buffer.concat([this.#read, bytes]);
      for (let message = this.#next(); message; message = this.#next()) this.#take(message);
    });
  }

  async start() {
    const workspace = { configuration: true, didChangeConfiguration: { dynamicRegistration: true } };
    const textDocument = {
      completion: { completionItem: { documentationFormat: ['markdown'] } },
      hover: { contentFormat: ['markdown'] },
      publishDiagnostics: {},
    };
    await this.ask('initialize', { processId: process.pid, rootUri: null, capabilities: { workspace, textDocument } });
    this.#send({ method: 'initialized', params: {} });
    this.#send({ method: 'workspace/didChangeConfiguration', params: { settings: { yaml: SETTINGS } } });
  }

  // Opens a file and waits for what the server finds wrong with it.
  open(uri, text) {
    const found = this.#within(`diagnostics of ${uri}`, (done) => this.#diagnostics.set(uri, done));
    const textDocument = { uri, languageId: 'yaml', version: 1, text };
    this.#send({ method: 'textDocument/didOpen', params: { textDocument } });
    return found;
  }

  ask(method, params) {
    this.#last += 1;
    const id = this.#last;
    const answer = this.#within(method, (done) => this.#waiting.set(id, done));
    this.#send({ id, method, params });
    return answer;
  }

  stop() {
    this.#child.kill();
  }

  #within(what, start) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer in time: ${what}`)), PATIENCE_MS);
      start((value) => {
        clearTimeout(timer);
        resolve(value);
      });
    });
  }

  #send(message) {
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
    this.#child.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
    this.#child.stdin.write(body);
  }

  #next() {
    const head = this.#read.indexOf('\r\n\r\n');
    if (head < 0) return undefined;
    const length = Number(/Content-Length: (\d+)/i.exec(this.#read.subarray(0, head).toString())[1]);
    const end = head + 4 + length;
    if (this.#read.length < end) return undefined;
    const message = JSON.parse(this.#read.subarray(head + 4, end).toString());
    this.#read = this.#read.subarray(end);
    return message;
  }

  #take({ id, method, params, result, error }) {
    if (method === 'textDocument/publishDiagnostics') {
      this.#diagnostics.get(params.uri)?.(params.diagnostics);
    } else if (method === 'workspace/configuration') {
      const answer = ({ section }) => (section === 'yaml' ? SETTINGS : {});
      this.#send({ id, result: params.items.map(answer) });
    } else if (method !== undefined && id !== undefined) {
      this.#send({ id, result: null });
    } else if (id !== undefined) {
      if (error) throw new Error(error.message);
      this.#waiting.get(id)?.(result);
    }
  }
}
