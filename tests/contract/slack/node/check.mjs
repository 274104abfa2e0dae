// Slack's own Node client against the fake Slack.
//
//   node check.mjs BASE_URL TOKEN        (BASE_URL as `fake_slack serve` prints it)
//
// Prints one line per check and ends with 1 at the first that fails.
import assert from 'node:assert/strict';
import { ErrorCode, LogLevel, WebClient } from '@slack/web-api';

const [base, token] = process.argv.slice(2);
if (!base || !token) {
  console.error('usage: node check.mjs BASE_URL TOKEN');
  process.exit(2);
}

const client = (bearer = token, more = {}) =>
  new WebClient(bearer, {
    slackApiUrl: new URL('api/', base).href,
    retryConfig: { retries: 0 },
    logLevel: LogLevel.ERROR,
    ...more,
  });
const web = client();
// What the client writes to its log about errors that are expected here is left out.
const quiet = { debug() {}, info() {}, warn() {}, error() {}, setLevel() {}, setName() {}, getLevel: () => LogLevel.ERROR };
const strict = client(token, { logger: quiet });

const control = async (path, body) => {
  const init = body && {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
  const answer = await fetch(new URL(`control/${path}`, base), init);
  const text = await answer.text();
  return text ? JSON.parse(text) : undefined;
};

const fails = (promise, error) =>
  assert.rejects(promise, (thrown) => thrown.code === ErrorCode.PlatformError && thrown.data.error === error);

const plain = (text) => ({ type: 'plain_text', text });
const blocks = [
  { type: 'header', text: plain('No next step') },
  { type: 'actions', elements: [{ type: 'button', action_id: 'nudge.done:n1', text: plain('Done') }] },
];
const settled = [{ type: 'context', elements: [plain('Done.')] }];

const checks = {
  async 'auth.test'() {
    const me = await web.auth.test();
    assert.equal(me.team, 'Example');
    assert.ok(me.response_metadata.scopes.includes('chat:write'));
    await fails(client('fake-wrong').auth.test(), 'invalid_auth');
  },

  async 'users.lookupByEmail'() {
    const { user } = await web.users.lookupByEmail({ email: 'ADA@example.com' });
    assert.deepEqual([user.id, user.tz, user.deleted], ['U1', 'Europe/London', false]);
    await fails(web.users.lookupByEmail({ email: 'eve@example.com' }), 'users_not_found');
    assert.equal((await web.users.info({ user: 'U2' })).user.tz, 'Asia/Tokyo');
  },

  async 'conversations.open, chat.postMessage, chat.update'() {
    const { channel } = await web.conversations.open({ users: 'U1' });
    assert.match(channel.id, /^D/);
    assert.equal((await web.conversations.open({ users: 'U1' })).already_open, true);
    const metadata = { event_type: 'touchline_nudge', event_payload: { delivery_id: 'd-1' } };
    const posted = await web.chat.postMessage({ channel: channel.id, text: 'No next step', blocks, metadata });
    assert.match(posted.ts, /^\d{10}\.\d{6}$/);
    assert.equal(posted.message.blocks.length, 2);
    assert.ok(posted.message.blocks.every((block) => block.block_id));
    assert.deepEqual(posted.message.metadata, metadata);
    const edited = await web.chat.update({ channel: channel.id, ts: posted.ts, text: 'Done.', blocks: settled });
    assert.equal(edited.message.blocks.length, 1);
    await web.chat.update({ channel: channel.id, ts: posted.ts, text: 'Only text' });
    const stored = (await control('messages')).find((message) => message.ts === posted.ts);
    assert.deepEqual([stored.blocks, stored.edits], [[], 2]);
    const direct = await web.chat.postMessage({ channel: 'U1', text: 'To the person' });
    assert.equal(direct.channel, channel.id);
    await fails(web.chat.update({ channel: 'U1', ts: posted.ts, text: 'x' }), 'channel_not_found');
    await fails(web.chat.update({ channel: channel.id, ts: '1.000001', text: 'x' }), 'message_not_found');
    assert.ok((await web.chat.postEphemeral({ channel: channel.id, user: 'U1', text: 'x' })).message_ts);
  },

  async 'platform errors'() {
    const post = (more) => strict.chat.postMessage({ channel: 'U2', ...more });
    await fails(post({}), 'no_text');
    await fails(post({ channel: 'C9', text: 'x' }), 'channel_not_found');
    await fails(post({ text: 'x', blocks: [{ type: 'header', text: plain('x'.repeat(151)) }] }), 'invalid_blocks');
    await fails(strict.apiCall('dance.now'), 'unknown_method');
    await control('fault', { method: 'chat.postMessage', kind: 'error', value: 'internal_error' });
    await fails(post({ text: 'x' }), 'internal_error');
  },

  async '429 and Retry-After'() {
    const limited = client(token, { rejectRateLimitedCalls: true, logger: quiet });
    await control('fault', { method: 'auth.test', kind: 'rate_limited', value: '7' });
    await assert.rejects(limited.auth.test(), (thrown) => thrown.code === ErrorCode.RateLimitedError && thrown.retryAfter === 7);
    let refused;
    for (let sent = 0; sent < 10 && !refused; sent += 1) {
      await limited.chat.postMessage({ channel: 'U2', text: `${sent}` }).catch((thrown) => (refused = thrown));
    }
    assert.equal(refused?.code, ErrorCode.RateLimitedError);
    assert.ok(refused.retryAfter >= 1);
  },

  async 'the client waits for Retry-After and then succeeds'() {
    await control('fault', { method: 'auth.test', kind: 'rate_limited', value: '1' });
    const patient = client(token, { retryConfig: { retries: 1, minTimeout: 1 }, logger: quiet });
    assert.equal((await patient.auth.test()).ok, true);
  },

  async 'a lost answer is a request error, and the message is there'() {
    const before = (await control('messages')).length;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await control('fault', { method: 'chat.postMessage', kind: 'close_after' });
    await assert.rejects(strict.chat.postMessage({ channel: 'U2', text: 'lost' }), { code: ErrorCode.RequestError });
    assert.equal((await control('messages')).length, before + 1);
    await control('fault', { method: 'auth.test', kind: 'status', value: '503' });
    await assert.rejects(strict.auth.test(), { code: ErrorCode.HTTPError, statusCode: 503 });
  },

  async 'views.open and views.publish'() {
    const modal = { type: 'modal', title: plain('Why'), blocks };
    const { trigger_id } = await control('trigger', {});
    assert.match((await web.views.open({ trigger_id, view: modal })).view.id, /^V/);
    await fails(web.views.open({ trigger_id, view: modal }), 'exchanged_trigger_id');
    await fails(web.views.open({ trigger_id: '1.2.3', view: modal }), 'invalid_trigger_id');
    const home = { type: 'home', blocks };
    const { view } = await web.views.publish({ user_id: 'U1', view: home });
    await web.views.publish({ user_id: 'U1', view: home, hash: view.hash });
    await fails(web.views.publish({ user_id: 'U1', view: home, hash: view.hash }), 'hash_conflict');
  },

  async 'oauth.v2.access'() {
    const { code } = await control('oauth-code', {});
    const app = { client_id: 'fake-client-id', client_secret: 'fake-client-secret', code };
    const grant = await client(undefined).oauth.v2.access(app);
    assert.equal(grant.token_type, 'bot');
    assert.equal((await client(grant.access_token).auth.test()).ok, true);
    await fails(client(undefined).oauth.v2.access(app), 'code_already_used');
  },
};

for (const [name, check] of Object.entries(checks)) {
  await check();
  console.log(`ok ${name}`);
}
