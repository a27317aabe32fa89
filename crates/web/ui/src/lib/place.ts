/** Where the page's script is: a host may mount the server below a path of its own. */
const script = document.querySelector<HTMLScriptElement>('script[type="module"]')!.src;

/** The path of the console; it ends with a slash. */
export const BASE = new URL('../', script).pathname;

/** What stands before the paths of the API; mostly nothing. */
export const API = BASE.slice(0, -'/console/'.length);

/** The address at which this page reached the server. */
export const HERE = location.origin + API;
