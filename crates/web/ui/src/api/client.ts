import { API } from '../lib/place';
import { queryString } from '../lib/query';
import type { components, paths } from './schema';
import { isShareTab } from './visit';

export type Schemas = components['schemas'];

type Gets = {
  [P in keyof paths]: paths[P] extends { get: { responses: { 200: { content: { 'application/json': unknown } } } } } ? P : never;
}[keyof paths];
export type Answer<P extends Gets> = paths[P] extends { get: { responses: { 200: { content: { 'application/json': infer A } } } } }
  ? A
  : never;
type QueryOf<P extends Gets> = paths[P] extends { get: { parameters: { query?: infer Q } } } ? Exclude<Q, undefined> : never;
/** The values of a query: lists and objects go as JSON. */
type Query<P extends Gets> = { [K in keyof QueryOf<P>]?: string | number | boolean | null | object };

/** Something to ask the API for with GET; `path` is all of it. */
export interface Question<T> {
  path: string;
  /** Questions of the same kind may show each other's answers while they wait. */
  kind: string;
  /** Only for its type. */
  answer?: T;
}

/** A question whose route, parameters and answer are those of `docs/openapi.json`. */
export function ask<P extends Gets>(route: P, params: Record<string, string>, query: Query<P> = {}): Question<Answer<P>> {
  const kind = fill(route, params);
  const pairs = Object.entries(query as Record<string, unknown>).map(([name, value]) => [name, print(value)] as const);
  return { path: kind + queryString(pairs), kind };
}

/** A question of a route that the page knows before the document does. */
export function askPlain<T>(route: string, params: Record<string, string>): Question<T> {
  const path = fill(route, params);
  return { path, kind: path };
}

export function fill(route: string, params: Record<string, string>): string {
  return route.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
}

function print(value: unknown): string | null {
  if (value === null || value === undefined || (Array.isArray(value) && value.length === 0)) return null;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export type Trouble = 'signed-out' | 'forbidden' | 'missing' | 'wrong' | 'limited' | 'unavailable' | 'offline' | 'broken';

/** Why a request was not answered. */
export class ApiError extends Error {
  constructor(
    readonly trouble: Trouble,
    message: string,
    readonly status = 0,
    readonly code: string | null = null,
    /** Seconds after which to ask again. */
    readonly retryAfter: number | null = null,
    readonly details: { path: (string | number)[]; message: string }[] = [],
    readonly requestId: string | null = null,
  ) {
    super(message);
  }

  /** Whether the same may be answered a moment later. */
  get passes(): boolean {
    return this.trouble === 'limited' || this.trouble === 'unavailable' || this.trouble === 'offline';
  }
}

function troubleOf(status: number, code: string | null): Trouble {
  if (status === 403 || code === 'insufficient_permissions') return 'forbidden';
  if (status === 401) return 'signed-out';
  if (status === 404 || status === 410) return 'missing';
  if (status === 429) return 'limited';
  if (status === 502 || status === 503 || status === 504) return 'unavailable';
  return status < 500 ? 'wrong' : 'broken';
}

async function errorOf(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => null)) as Partial<Schemas['Error']> | null;
  const after = Number(response.headers.get('retry-after'));
  const code = body?.code ?? null;
  const details = (body?.details ?? []) as { path: (string | number)[]; message: string }[];
  return new ApiError(
    troubleOf(response.status, code),
    body?.message ?? `The server answered ${response.status}`,
    response.status,
    code,
    after > 0 ? after : null,
    details,
    body?.requestId ?? response.headers.get('request-id'),
  );
}

const listeners = new Set<() => void>();
/** Calls back whenever an answer says that there is no session (any more). */
export function onSignedOut(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** One request with the session's cookie. Anything but an answer of 2xx is thrown as an `ApiError`. */
export async function request<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json', 'x-paneld-console': isShareTab() ? 'share' : '1' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(API + path, {
      method,
      headers,
      credentials: 'same-origin',
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ?? null,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError('offline', 'The server cannot be reached');
  }
  if (!response.ok) {
    const error = await errorOf(response);
    // Signing in asks for itself whether it may.
    if (error.trouble === 'signed-out' && !path.startsWith('/console/')) for (const listener of listeners) listener();
    throw error;
  }
  return (response.status === 204 ? undefined : await response.json()) as T;
}
