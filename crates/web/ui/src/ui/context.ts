import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { ProjectName, Session } from '../api/session';
import { addressFor } from '../lib/address';
import { HERE } from '../lib/place';

interface Signed {
  session: Session;
  /** Asks again who is signed in and which projects there are. */
  reload: () => Promise<void>;
}

export const SessionContext = createContext<Signed | null>(null);
export const ProjectContext = createContext<ProjectName | null>(null);

export function useSession(): Signed {
  const signed = useContext(SessionContext);
  if (!signed) throw new Error('Only for those who are signed in');
  return signed;
}

export function useProject(): ProjectName {
  const project = useContext(ProjectContext);
  if (!project) throw new Error('Only within a project');
  return project;
}

/** The time zone of the organization, in which all days begin and all times are shown. */
export const useZone = (): string => useSession().session.organization.timezone;

/** Where programs reach the server. */
export const useBase = (): string => addressFor(useSession().session.publicUrl, HERE);
