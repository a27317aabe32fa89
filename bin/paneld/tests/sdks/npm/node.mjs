// What a program does with `@openpanel/sdk`. Prints, as JSON, what the SDK told it.
import { OpenPanel } from '@openpanel/sdk';

const { apiUrl, clientId, clientSecret, scenario } = JSON.parse(process.argv[2]);

const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) ' +
  'Chrome/126.0.0.0 Safari/537.36';

/** An SDK with the secret, as in a server of the shop. */
const backend = () => new OpenPanel({ apiUrl, clientId, clientSecret });

/** An SDK that passes on who its visitor is, as that for Express does. */
const forVisitor = (address, more = {}) => {
  const op = new OpenPanel({ apiUrl, clientId, clientSecret, ...more });
  op.api.addHeader('openpanel-client-ip', address);
  op.api.addHeader('user-agent', CHROME);
  return op;
};

const scenarios = {
  async everything() {
    const op = forVisitor('198.51.100.7');
    op.setGlobalProperties({ release: '1.2', nested: { deep: [1, true] } });
    const replies = [await op.track('signup', { plan: 'pro', groups: ['beta'] })];
    const ids = { deviceId: op.getDeviceId(), sessionId: op.getSessionId() };
    replies.push(
      await op.identify({
        profileId: 'anna',
        firstName: 'Anna',
        lastName: 'Ek',
        email: 'anna@shop.example',
        avatar: 'https://shop.example/anna.png',
        properties: { tier: 'gold' },
      }),
      await op.increment({ profileId: 'anna', property: 'visits' }),
      await op.increment({ profileId: 'anna', property: 'visits', value: 4.5 }),
      await op.decrement({ profileId: 'anna', property: 'visits', value: 2 }),
      await op.upsertGroup({ id: 'acme', type: 'company', name: 'Acme', properties: { size: 3 } }),
      await op.setGroups(['acme', 'nordics']),
      await op.setGroup('eu'),
      await op.track('with groups', { groups: ['beta', 'acme'] }),
      await op.revenue(1999, { deviceId: ids.deviceId, currency: 'SEK' }),
    );
    return { ids, replies };
  },

  async paid_elsewhere() {
    const visitor = forVisitor('198.51.100.9');
    await visitor.track('screen_view', { __path: 'https://shop.example/pay' });
    return {
      deviceId: visitor.getDeviceId(),
      sessionId: visitor.getSessionId(),
      reply: await backend().revenue(500, { deviceId: visitor.getDeviceId() }),
    };
  },

  async twice() {
    const op = forVisitor('198.51.100.8', { clientSecret: undefined });
    op.api.addHeader('origin', 'https://shop.example');
    const twice = (call) => Promise.all([call(), call()]);
    return {
      track: await twice(() => op.track('bought', { product: 1 })),
      increment: await twice(() => op.increment({ profileId: 'ben', property: 'n' })),
    };
  },

  async refused() {
    const op = new OpenPanel({ apiUrl, clientId, clientSecret: 'sec_wrong_but_long_enough' });
    return await op.track('x');
  },

  async wrong() {
    return await backend().track('');
  },

  async queued() {
    const op = forVisitor('198.51.100.10', { waitForProfile: true });
    await op.track('early', { n: 1 });
    await op.identify({ profileId: 'cleo' });
    // What was queued is sent by itself.
    while (!op.getSessionId()) await new Promise((done) => setTimeout(done, 5));
    return { sessionId: op.getSessionId() };
  },
};

process.stdout.write(JSON.stringify((await scenarios[scenario]()) ?? null));
