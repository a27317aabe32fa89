// How long people wait for 30 days on the overview: from the click until the chart is painted, and
// until all tables are, too. `cargo xtask bench console` starts the server, which has just begun:
// the first page's questions are new to it, the second's are not. Prints milliseconds as JSON.
import { chromium } from '@playwright/test';

const env = name => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};
const [url, clientId, clientSecret] = ['URL', 'CLIENT_ID', 'CLIENT_SECRET'].map(name => env(`PANELD_E2E_${name}`));
const path = `/console/p/${env('PANELD_E2E_PROJECT')}/overview?range=today`;

const browser = await chromium.launch({ executablePath: env('PANELD_E2E_CHROMIUM'), args: ['--no-sandbox'] });
const context = await browser.newContext({ baseURL: url, viewport: { width: 1440, height: 900 } });
const answer = await context.request.post('/console/session', {
  headers: { 'x-paneld-console': '1' },
  data: { clientId, clientSecret },
});
if (!answer.ok()) throw new Error(`Signing in: ${answer.status()} ${await answer.text()}`);

/** A new page remembers nothing: what it shows, the server answered. */
async function chooseThirtyDays() {
  const page = await context.newPage();
  await page.goto(path);
  await page.locator('.headline .chart svg').waitFor();
  await page.waitForFunction(() => !document.querySelector('.skeleton, .stale'));
  const painted = page.evaluate(
    () =>
      new Promise(resolve => {
        const drawn = () => document.querySelector('.headline .chart svg')?.innerHTML;
        const before = drawn();
        let clicked = 0;
        addEventListener('change', event => (clicked = event.timeStamp), { capture: true, once: true });
        let chart = 0;
        // What a frame finds in the document is on the screen when the task behind it runs.
        const behindPaint = then => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => then(performance.now() - clicked);
          port2.postMessage(null);
        };
        const look = () => {
          const isNew = clicked > 0 && drawn() !== before && !document.querySelector('.headline.stale');
          if (isNew && !document.querySelector('.skeleton, .stale')) {
            behindPaint(all => resolve({ chart: chart || all, all }));
            return;
          }
          if (isNew && !chart) behindPaint(time => (chart ||= time));
          requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      }),
  );
  await page.getByRole('combobox', { name: 'Range of time' }).selectOption('30d');
  const times = await painted;
  await page.close();
  return times;
}

console.log(JSON.stringify({ first: await chooseThirtyDays(), again: await chooseThirtyDays() }));
await browser.close();
