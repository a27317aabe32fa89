import type { ComponentType } from 'preact';
import { useCallback, useEffect, useErrorBoundary, useRef, useState } from 'preact/hooks';
import { ApiError, onSignedOut } from './api/client';
import { currentSession, openShare, signIn, signOut, takeToken, type ProjectName, type Session } from './api/session';
import { forgetAnswers } from './api/use-question';
import { isShareTab } from './api/visit';
import { BASE } from './lib/place';
import { lastProject, navigate, projectPath, rememberProject, useRoute, type Route } from './lib/route';
import { Overview } from './screens/overview';
import { ProjectContext, SessionContext } from './ui/context';
import { Problem, Skeleton } from './ui/parts';
import { Shell } from './ui/shell';
import { ShareDoor, SignIn } from './screens/sign-in';

/** The screens that are loaded when they are opened. */
const SCREENS: Record<string, { title: string; load: () => Promise<ComponentType> }> = {
  overview: { title: 'Overview', load: async () => Overview },
  events: { title: 'Events', load: async () => (await import('./screens/events')).Events },
  explore: { title: 'Explore', load: async () => (await import('./screens/explore')).Explore },
  funnel: { title: 'Funnel', load: async () => (await import('./screens/funnel')).FunnelScreen },
  retention: { title: 'Retention', load: async () => (await import('./screens/retention')).Retention },
  paths: { title: 'Paths', load: async () => (await import('./screens/paths')).Paths },
  people: { title: 'People', load: async () => (await import('./screens/people')).People },
  groups: { title: 'Groups', load: async () => (await import('./screens/groups')).Groups },
  setup: { title: 'Setup', load: async () => (await import('./screens/setup')).Setup },
};

const MANAGE: Record<string, { title: string; load: () => Promise<ComponentType> }> = {
  projects: { title: 'Projects', load: async () => (await import('./screens/manage/projects')).Projects },
  clients: { title: 'Clients', load: async () => (await import('./screens/manage/clients')).Clients },
  references: { title: 'References', load: async () => (await import('./screens/manage/references')).References },
  shares: { title: 'Share links', load: async () => (await import('./screens/manage/shares')).Shares },
  audit: { title: 'Audit log', load: async () => (await import('./screens/manage/audit')).Audit },
  organization: { title: 'Organization', load: async () => (await import('./screens/manage/organization')).OrganizationScreen },
  'new-project': { title: 'New project', load: async () => (await import('./screens/manage/new-project')).NewProject },
};

const ALL_PROJECTS = { title: 'All projects', load: async () => (await import('./screens/all-projects')).AllProjects };

/** What an address names; names that every object has are none of ours. */
const pick = <T,>(from: Record<string, T>, name = ''): T | undefined => (Object.hasOwn(from, name) ? from[name] : undefined);

type Door =
  | { state: 'asking' }
  | { state: 'closed'; why: ApiError | null; ended: boolean }
  | { state: 'share'; token: string }
  | { state: 'failed'; error: ApiError }
  | { state: 'open'; session: Session };

export function App() {
  const route = useRoute();
  const [door, setDoor] = useState<Door>({ state: 'asking' });

  const enter = useCallback(async () => {
    setDoor({ state: 'asking' });
    const token = takeToken();
    try {
      if (token && location.pathname.startsWith(`${BASE}share`)) {
        // A link that needs a password says so, and any other is opened.
        const session = await openShare(token).catch((error: ApiError) => {
          if (error.code === 'password_required') return null;
          throw error;
        });
        setDoor(session ? { state: 'open', session } : { state: 'share', token });
        return;
      }
      const session = token ? await signIn({ token }) : await currentSession();
      setDoor(session ? { state: 'open', session } : { state: 'closed', why: null, ended: false });
    } catch (error) {
      const failure = error instanceof ApiError ? error : new ApiError('broken', String(error));
      setDoor(
        token && (failure.trouble === 'signed-out' || failure.trouble === 'wrong')
          ? { state: 'closed', why: failure, ended: false }
          : { state: 'failed', error: failure },
      );
    }
  }, []);

  useEffect(() => {
    void enter();
    // A link with a token may be opened in a tab where the page already is.
    const token = () => location.hash.startsWith('#token=') && void enter();
    addEventListener('hashchange', token);
    const ended = onSignedOut(() => {
      forgetAnswers();
      setDoor({ state: 'closed', why: null, ended: true });
    });
    return () => {
      removeEventListener('hashchange', token);
      ended();
    };
  }, []);

  // A server that is away for a moment is asked again, as everywhere.
  useEffect(() => {
    if (door.state !== 'failed' || !door.error.passes) return;
    const timer = setTimeout(enter, (door.error.retryAfter ?? 3) * 1000);
    return () => clearTimeout(timer);
  }, [door]);

  const opened = useCallback((session: Session) => {
    forgetAnswers();
    setDoor({ state: 'open', session });
  }, []);
  const reload = useCallback(async () => {
    forgetAnswers();
    const session = await currentSession();
    if (session) setDoor({ state: 'open', session });
  }, []);
  const leave = useCallback(async () => {
    const wasShared = isShareTab();
    await signOut();
    forgetAnswers();
    navigate(BASE);
    // Behind a share link there may be a session of one's own.
    if (wasShared) await enter();
    else setDoor({ state: 'closed', why: null, ended: false });
  }, []);

  switch (door.state) {
    case 'asking':
      return (
        <main class="alone">
          <Loading />
        </main>
      );
    case 'failed':
      return (
        <main class="alone">
          <h1>paneld</h1>
          <Problem error={door.error} onRetry={enter} />
        </main>
      );
    case 'closed':
      return <SignIn ended={door.ended} why={door.why} onOpen={opened} />;
    case 'share':
      return <ShareDoor token={door.token} onOpen={opened} />;
    case 'open':
      return (
        <SessionContext.Provider value={{ session: door.session, reload }}>
          <Inside route={route} session={door.session} onLeave={leave} />
        </SessionContext.Provider>
      );
  }
}

/** The room of what is on its way, shown when it takes a while. */
function Loading() {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), 200);
    return () => clearTimeout(timer);
  }, []);
  return <Skeleton rows={4} show={slow} />;
}

function Inside({ route, session, onLeave }: { route: Route; session: Session; onLeave: () => void }) {
  const [area, first, second] = route.parts;
  const root = session.client.type === 'root';
  const last = lastProject();
  const known = session.projects.find(one => one.id === last) ?? session.projects[0];
  const allowed = root || (session.client.type === 'read' && first === 'shares');
  const project = area === 'p' && first ? (session.projects.find(one => one.id === first) ?? unlisted(session, first)) : null;

  // The address of nothing in particular leads to the first thing there is.
  const start =
    session.projects.length > 1 ? `${BASE}projects` : known ? projectPath(known.id, 'overview') : root ? `${BASE}manage/new-project` : null;
  const home = area === undefined || area === 'share' ? start : null;
  useEffect(() => {
    if (project) rememberProject(project.id);
  }, [project]);
  useEffect(() => {
    if (home) navigate(home, 'replace');
  }, [home]);
  if (home) return null;

  const shared = session.client.type === 'share';
  const screen =
    area === 'p' && project && (!shared || second === 'overview')
      ? pick(SCREENS, second)
      : area === 'manage' && allowed
        ? pick(MANAGE, first)
        : area === 'projects' && first === undefined && !shared
          ? ALL_PROJECTS
          : undefined;
  return (
    <Shell route={route} project={project ?? known ?? null} onLeave={onLeave}>
      <ProjectContext.Provider value={project}>
        {screen ? (
          <Screen key={`${area} ${project?.id} ${screen.title}`} title={screen.title} project={project?.name ?? null} load={screen.load} />
        ) : (
          <NotFound none={!known} />
        )}
      </ProjectContext.Provider>
    </Shell>
  );
}

/** Of very many projects the session names the newest only; the others can be opened all the same. */
function unlisted(session: Session, id: string): ProjectName | null {
  return session.hasMoreProjects ? { id, name: id, domain: null } : null;
}

function NotFound({ none }: { none: boolean }) {
  return (
    <div class="empty">
      <h1>{none ? 'There is no project yet' : 'There is nothing here'}</h1>
      <p class="muted">{none ? 'Ask an administrator to make one.' : 'The address may be mistyped, or your client may not see it.'}</p>
      {!none && (
        <a class="button" href={BASE}>
          To the overview
        </a>
      )}
    </div>
  );
}

let arrived = false;

/** A screen, loaded when it is first opened. Its heading gets the focus, as a new page would. */
function Screen({ title, project, load }: { title: string; project: string | null; load: () => Promise<ComponentType> }) {
  const [Loaded, setLoaded] = useState<ComponentType | null>(title === 'Overview' ? () => Overview : null);
  const [error, setError] = useState<ApiError | null>(null);
  const [fault] = useErrorBoundary(thrown => console.error(thrown));
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    load().then(
      screen => setLoaded(() => screen),
      () => setError(new ApiError('offline', 'The screen could not be loaded')),
    );
  }, []);
  useEffect(() => {
    document.title = `${title}${project ? ` · ${project}` : ''} · paneld`;
    if (arrived) heading.current?.focus({ preventScroll: true });
    arrived = true;
  }, [title, project]);
  return (
    <>
      <h1 ref={heading} tabIndex={-1} class="screen-title">
        {title}
      </h1>
      {error || fault ? (
        <Problem error={error ?? new ApiError('broken', String(fault))} onRetry={() => location.reload()} />
      ) : Loaded ? (
        <Loaded />
      ) : (
        <Loading />
      )}
    </>
  );
}
