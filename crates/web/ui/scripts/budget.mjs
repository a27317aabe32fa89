// Fails the build when the first view's script, or all of it, has outgrown its budget.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const dist = new URL('../../dist/', import.meta.url);
const FIRST_VIEW = 80_000;
const ALL = 2_000_000;

const assets = readdirSync(new URL('assets/', dist));
const source = name => readFileSync(new URL(`assets/${name}`, dist));

/** The page's script, which has the overview in it, and what it imports statically. */
const first = new Set();
const entry = /assets\/(index-[^"]+\.js)/.exec(readFileSync(new URL('index.html', dist), 'utf8'))[1];
const visit = name => {
  if (first.has(name)) return;
  first.add(name);
  for (const [, imported] of source(name)
    .toString()
    .matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g))
    visit(imported);
};
visit(entry);

const gzipped = [...first].reduce((sum, name) => sum + gzipSync(source(name), { level: 9 }).length, 0);
const total = assets.reduce((sum, name) => sum + statSync(new URL(`assets/${name}`, dist)).size, 0);
console.log(`first view: ${gzipped} of ${FIRST_VIEW} bytes of gzipped script; all: ${total} of ${ALL} bytes`);
if (gzipped > FIRST_VIEW || total > ALL) process.exit(1);
