// A visitor with a browser. Prints, as JSON, what the pages know in the end.
import puppeteer from 'puppeteer-core';

const { program, page: url, elsewhere, apiUrl, clientId } = JSON.parse(process.argv[2]);

const browser = await puppeteer.launch({
  executablePath: program,
  // Browsers refuse their sandbox to root, who runs tests in containers.
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
});

/** Does something, and waits for the reply to the request of which it is the cause. */
const answered = async (page, part, cause) => {
  const [response] = await Promise.all([
    page.waitForResponse(
      (response) =>
        response.request().method() === 'POST' && response.request().postData()?.includes(part),
    ),
    cause(),
  ]);
  return response.status();
};

const known = (page) =>
  page.evaluate(() => ({
    deviceId: window.op.getDeviceId(),
    sessionId: window.op.getSessionId(),
  }));

try {
  const page = await browser.newPage();
  const statuses = [
    await answered(page, '"screen_view"', () => page.goto(url)),
    await answered(page, '/pricing', () =>
      page.evaluate(() => history.pushState(null, '', '/pricing#plans')),
    ),
    await answered(page, '"buy"', () => page.click('button')),
    await answered(page, '"replay"', () => page.type('input', 'hello')),
  ];
  const ids = await known(page);

  // A page that may not, but may know why.
  const refused = await browser.newPage();
  statuses.push(await answered(refused, '"screen_view"', () => refused.goto(elsewhere)));
  const reply = await refused.evaluate(
    async (apiUrl, clientId) => {
      const response = await fetch(`${apiUrl}/track`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'openpanel-client-id': clientId },
        body: JSON.stringify({ type: 'track', payload: { name: 'by hand' } }),
      });
      return { status: response.status, body: await response.json() };
    },
    apiUrl,
    clientId,
  );
  const strangerIds = await known(refused);
  process.stdout.write(JSON.stringify({ statuses, ids, refused: reply, strangerIds }));
} finally {
  await browser.close();
}
