// Fails where a package that ends up in the page has a licence that is not one of these.
import { readFileSync } from 'node:fs';

const ALLOWED = new Set(['MIT', 'Apache-2.0', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause']);
const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
const shipped = Object.entries(packages).filter(([path, entry]) => path && !entry.dev && !entry.devOptional);
const others = shipped.filter(([, entry]) => !ALLOWED.has(entry.license));
console.log(shipped.map(([path, entry]) => `${path.replace('node_modules/', '')} ${entry.version} ${entry.license}`).join('\n'));
if (others.length) throw new Error(`Not allowed: ${others.map(([path]) => path).join(', ')}`);
