// A Bolt app that takes what the fake Slack posts.
//
//   node bolt.mjs PORT SIGNING_SECRET
//
// Prints `{"ready":true}` when it listens, then one JSON line for each thing it
// was told. It listens under /slack: interactive, events and commands. Bolt
// checks every signature itself and warns of answers later than 3 s.
import pkg from '@slack/bolt';

const { App, HTTPReceiver, LogLevel } = pkg;
const [port, signingSecret] = process.argv.slice(2);
if (!port || !signingSecret) {
  console.error('usage: node bolt.mjs PORT SIGNING_SECRET');
  process.exit(2);
}

const print = (line) => console.log(JSON.stringify(line));
const receiver = new HTTPReceiver({
  signingSecret,
  endpoints: ['/slack/interactive', '/slack/events', '/slack/commands'],
  logLevel: LogLevel.ERROR,
});
const app = new App({
  receiver,
  logLevel: LogLevel.ERROR,
  authorize: async () => ({ botToken: 'fake-xoxb-token', botId: 'B0TOUCHLINE', botUserId: 'U0TOUCHLINE' }),
});

app.action(/.*/, async ({ ack, action, body }) => {
  await ack();
  print({
    got: 'action',
    type: action.type,
    action_id: action.action_id,
    choice: action.selected_option?.value ?? action.selected_date ?? null,
    user: body.user.id,
    message_ts: body.container.message_ts,
    in_state: body.state.values[action.block_id]?.[action.action_id]?.type ?? null,
  });
});
app.command('/touchline', async ({ ack, command }) => {
  await ack({ response_type: 'ephemeral', text: `heard: ${command.text}` });
  print({ got: 'command', text: command.text, user: command.user_id });
});
app.event(/.*/, async ({ event, body }) => {
  print({ got: 'event', type: event.type, event_id: body.event_id, tokens: event.tokens ?? null });
});
app.error(async (error) => print({ got: 'error', message: error.message }));

const server = await app.start({ port: Number(port), host: '127.0.0.1' });
print({ ready: true, port: server.address().port });
