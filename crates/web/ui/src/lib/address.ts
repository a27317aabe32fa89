/**
 * Where programs reach the server: at the very address of this page, `here`, where the server was told the same host; else as it
 * was told. What a browser speaks with a proxy need not be what the proxy speaks with the server.
 */
export function addressFor(told: string, here: string): string {
  const isOwn = !URL.canParse(told) || new URL(told).host === new URL(here).host;
  return isOwn ? here : told.replace(/\/+$/, '');
}

/** A link of the server that was told this address, as it is to be given away from here. */
export function linkFor(link: string, told: string, here: string): string {
  const base = told.replace(/\/+$/, '');
  return base && link.startsWith(`${base}/`) ? addressFor(told, here) + link.slice(base.length) : link;
}
