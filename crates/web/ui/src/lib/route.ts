import { useEffect, useState } from 'preact/hooks';
import { BASE } from './place';
import { changed } from './query';

/** Where the page is: the path below the console's own, and the query, which together hold its whole state. */
export interface Route {
  path: string;
  parts: string[];
  query: URLSearchParams;
}

const listeners = new Set<() => void>();

/** A part of the path; one that is no percent-encoded text stays as it is. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function currentRoute(): Route {
  const path = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : '';
  return { path, parts: path.split('/').filter(Boolean).map(decode), query: new URLSearchParams(location.search) };
}

export function navigate(href: string, how: 'push' | 'replace' = 'push'): void {
  const before = location.pathname;
  history[how === 'push' ? 'pushState' : 'replaceState'](null, '', href);
  for (const listener of listeners) listener();
  if (location.pathname !== before) scrollTo(0, 0);
}

/** The address of this screen with some of its query changed. */
export function here(changes: Record<string, string | string[] | null>): string {
  return location.pathname + changed(new URLSearchParams(location.search), changes);
}

/** The screen `screen` of a project, with the query that is kept from one screen to the next. */
export function projectPath(project: string, screen: string, query = ''): string {
  return `${BASE}p/${encodeURIComponent(project)}/${screen}${query}`;
}

const LAST = 'paneld.project';

/** The project that was looked at last in this browser: where to begin, when the address does not say. */
export function lastProject(): string | null {
  try {
    return localStorage.getItem(LAST);
  } catch {
    return null; // The browser may keep nothing.
  }
}

export function rememberProject(project: string): void {
  try {
    localStorage.setItem(LAST, project);
  } catch {
    // As above.
  }
}

function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element).closest('a');
  if (
    !link ||
    link.target ||
    link.hasAttribute('download') ||
    link.origin !== location.origin ||
    !link.pathname.startsWith(BASE) ||
    link.hash
  )
    return;
  event.preventDefault();
  navigate(link.pathname + link.search);
}

/** The route, anew whenever it changes. Links within the console need no handler of their own. */
export function useRoute(): Route {
  const [route, setRoute] = useState(currentRoute);
  useEffect(() => {
    const update = () => setRoute(currentRoute());
    listeners.add(update);
    addEventListener('popstate', update);
    document.addEventListener('click', followLink);
    return () => {
      listeners.delete(update);
      removeEventListener('popstate', update);
      document.removeEventListener('click', followLink);
    };
  }, []);
  return route;
}
