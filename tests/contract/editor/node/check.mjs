// What an editor tells somebody who writes rules, with the schema of
// `touchline rules schema`.
//
//   node check.mjs SCHEMA PACK...
//
// Prints one line per check and ends with 1 at the first that fails.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { Server } from './server.mjs';

const [schema, ...packs] = process.argv.slice(2);
if (!schema || packs.length === 0) {
  console.error('usage: node check.mjs SCHEMA PACK...');
  process.exit(2);
}

const server = new Server();
let passed = 0;
const check = async (what, does) => {
  await does();
  passed += 1;
  console.log(`ok ${what}`);
};

// A rule file with the schema attached as the reference says: in its first line.
const attached = (rule) =>
  `# yaml-language-server: $schema=${pathToFileURL(schema).href}\npack: mine\ntitle: Mine\nrules:\n${rule}`;
const RULE = `  - id: quiet
    title: Quiet
    on: state
    when: deal.amount > 5
    attention: digest
    cooldown: 14d
    tip:
      headline: Quiet
      body: Ask.
`;
let files = 0;
const open = async (rule) => {
  files += 1;
  const uri = `file:///rules/${files}.yaml`;
  const text = attached(rule);
  return { uri, text, found: await server.open(uri, text) };
};
// The place in the file just after some text, the path in its first line aside.
const after = ({ text }, mark) => {
  const at = text.indexOf(mark, text.indexOf('\n'));
  const before = text.slice(0, at + mark.length).split('\n');
  return { line: before.length - 1, character: before.at(-1).length };
};
const completions = async (rule, mark) => {
  const file = await open(rule);
  const position = after(file, mark);
  const answer = await server.ask('textDocument/completion', { textDocument: { uri: file.uri }, position });
  return (answer.items ?? answer).map((item) => item.label);
};
const hover = async (mark) => {
  const file = await open(RULE);
  const { line, character } = after(file, mark);
  const position = { line, character: character - 2 };
  const answer = await server.ask('textDocument/hover', { textDocument: { uri: file.uri }, position });
  return JSON.stringify(answer.contents);
};
const offers = (labels, wanted) => {
  for (const label of wanted) assert.ok(labels.includes(label), `${label} is not among ${labels}`);
};
const marked = async (right, wrong, says) => {
  const file = await open(RULE.replace(right, wrong));
  const { line } = after(file, wrong);
  assert.equal(file.found.length, 1, JSON.stringify(file.found));
  assert.equal(file.found[0].range.start.line, line);
  assert.match(file.found[0].message, says);
};

await server.start();
for (const pack of packs) {
  await check(`${pack} has nothing to mark`, async () => {
    // The pack's own first line names the schema beside it; this one is to count.
    const text = readFileSync(pack, 'utf8').replace(/^# yaml-language-server:.*\n/, '');
    const uri = `${pathToFileURL(pack).href}.open.yaml`;
    const first = attached('').split('\n', 1)[0];
    assert.deepEqual(await server.open(uri, `${first}\n${text}`), []);
  });
}
await check('a sound rule is not marked', async () => assert.deepEqual((await open(RULE)).found, []));
await check('a misspelt key is marked', () => marked('    cooldown:', '    cooldwon:', /cooldwon/));
await check('a wrong value is marked', () => marked('attention: digest', 'attention: loud', /interrupt/));
await check('an unknown event is marked', () => marked('on: state', 'on: deal.moved', /deal\.stage_changed/));
await check('a wrong length of time is marked', () => marked('14d', '2w', /pattern/i));
await check('a missing key is marked', async () => {
  const { found } = await open(RULE.replace('    title: Quiet\n', ''));
  assert.equal(found.length, 1);
  assert.match(found[0].message, /title/);
});
await check('`on` completes events', async () => {
  const labels = await completions(RULE.replace('on: state', 'on: '), '    on: ');
  offers(labels, ['state', 'deal.created', 'deal.stage_changed', 'deal.field_changed(close_date)']);
});
await check('`attention` completes its values', async () => {
  const labels = await completions(RULE.replace('attention: digest', 'attention: '), 'attention: ');
  offers(labels, ['interrupt', 'digest', 'card', 'private']);
});
await check('a rule completes its keys', async () => {
  offers(await completions(`${RULE}    `, 'body: Ask.\n    '), ['threshold', 'unless', 'outcome', 'tests']);
});
await check('a tip completes its keys', async () => {
  offers(await completions(RULE.replace('      body: Ask.\n', '      \n'), 'headline: Quiet\n      '), ['body', 'why']);
});
await check('a key is explained', async () => {
  assert.match(await hover('cooldown'), /shortest time between two episodes/);
});
await check('a value is explained', async () => {
  assert.match(await hover('attention: digest'), /One item of the next digest/);
});
server.stop();
console.log(`${passed} checks passed`);
