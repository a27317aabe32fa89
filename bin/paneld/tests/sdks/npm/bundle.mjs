// Bundles `page.js`, which lies beside this, for browsers.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const built = await build({
  entryPoints: [here('page.js')],
  bundle: true,
  format: 'iife',
  write: false,
});
process.stdout.write(JSON.stringify(built.outputFiles[0].text));
