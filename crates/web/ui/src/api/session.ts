import { ApiError, request } from './client';
import { setShareTab } from './visit';

/** Who is signed in, and what there is to look at. */
export interface Session {
  client: { id: string; name: string; type: 'root' | 'read' | 'share' };
  organization: { id: string; name: string; timezone: string };
  /** The newest 200 of them. */
  projects: ProjectName[];
  hasMoreProjects?: boolean;
  expiresAt: string;
  version: string;
  publicUrl: string;
}

export interface ProjectName {
  id: string;
  name: string;
  domain: string | null;
}

export type Credentials = { clientId: string; clientSecret: string } | { token: string };

/** The session of the cookie; null where there is none. */
export async function currentSession(): Promise<Session | null> {
  try {
    return await request<Session>('GET', '/console/session');
  } catch (error) {
    if (error instanceof ApiError && error.trouble === 'signed-out') return null;
    throw error;
  }
}

export function signIn(credentials: Credentials): Promise<Session> {
  setShareTab(false);
  return request('POST', '/console/session', credentials);
}

/** Ends the session of this tab, which may be that of a share link. */
export async function signOut(): Promise<void> {
  await request('DELETE', '/console/session').catch(() => undefined);
  setShareTab(false);
}

export function openShare(token: string, password?: string): Promise<Session> {
  setShareTab(true);
  return request('POST', '/console/share/session', password ? { token, password } : { token });
}

/** Takes the token out of the address, so that it is in no history and cannot be copied along. */
export function takeToken(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token) history.replaceState(null, '', location.pathname + location.search);
  return token;
}
