import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ProjectName } from '../api/session';
import { BASE } from '../lib/place';
import { navigate, projectPath, type Route } from '../lib/route';
import { queryString } from '../lib/query';
import { useSession } from './context';
import { Icon } from './icons';
import { Text } from './parts';

const LOOK = [
  ['overview', 'Overview'],
  ['events', 'Events'],
  ['explore', 'Explore'],
  ['funnel', 'Funnel'],
  ['retention', 'Retention'],
  ['paths', 'Paths'],
  ['people', 'People'],
  ['groups', 'Groups'],
] as const;
const MANAGE = [
  ['projects', 'Projects'],
  ['clients', 'Clients'],
  ['references', 'References'],
  ['shares', 'Share links'],
  ['audit', 'Audit log'],
  ['organization', 'Organization'],
] as const;

/** The range is kept from screen to screen; filters are about what a screen shows. */
const keptQuery = (query: URLSearchParams) => queryString(['range', 'from', 'to'].map(name => [name, query.get(name)] as const));

/** What is around every screen: the projects, the screens, and the way out. */
export function Shell({
  route,
  project,
  onLeave,
  children,
}: {
  route: Route;
  project: ProjectName | null;
  onLeave: () => void;
  children: ComponentChildren;
}) {
  const { session } = useSession();
  const [open, setOpen] = useState(false);
  const { type } = session.client;
  const kept = keptQuery(route.query);
  useEffect(() => setOpen(false), [route.path]);

  const item = (href: string, text: string) => (
    <li key={href}>
      <a href={href} aria-current={location.pathname === href.split('?')[0] ? 'page' : undefined}>
        {text}
      </a>
    </li>
  );
  return (
    <div class="shell">
      <a
        class="skip"
        href="#content"
        onClick={event => {
          event.preventDefault();
          document.getElementById('content')?.focus();
        }}
      >
        Skip to content
      </a>
      <header class="side">
        <div class="side-head">
          <a class="brand" href={project ? projectPath(project.id, 'overview', kept) : BASE}>
            <i aria-hidden="true" />
            paneld
          </a>
          <button
            type="button"
            class="icon-button menu"
            aria-label="Menu"
            aria-expanded={open}
            aria-controls="navigation"
            onClick={() => setOpen(!open)}
          >
            <Icon name={open ? 'close' : 'menu'} />
          </button>
        </div>
        <nav id="navigation" class={open ? 'open' : ''} aria-label="Console">
          {type !== 'share' && session.projects.length > 0 && (
            <select
              class="project"
              aria-label="Project"
              value={project?.id}
              onChange={event =>
                navigate(projectPath(event.currentTarget.value, route.parts[0] === 'p' ? (route.parts[2] ?? 'overview') : 'overview', kept))
              }
            >
              {project && !session.projects.includes(project) && <option value={project.id}>{project.name}</option>}
              {session.projects.map(one => (
                <option key={one.id} value={one.id}>
                  {one.name}
                </option>
              ))}
            </select>
          )}
          {session.projects.length > 1 && <ul class="side-all">{item(`${BASE}projects`, 'All projects')}</ul>}
          {type === 'share' && project && (
            <p class="shared">
              <Text>{project.name}</Text>
            </p>
          )}
          {project && (
            <ul>
              {LOOK.filter(([name]) => type !== 'share' || name === 'overview').map(([name, text]) =>
                item(projectPath(project.id, name, kept), text),
              )}
              {type !== 'share' && item(projectPath(project.id, 'setup'), 'Setup')}
            </ul>
          )}
          {type !== 'share' && (
            <>
              <h2 class="side-title">Manage</h2>
              <ul>
                {MANAGE.filter(([name]) => type === 'root' || name === 'shares').map(([name, text]) => item(`${BASE}manage/${name}`, text))}
              </ul>
            </>
          )}
          <div class="side-foot">
            <p>
              <bdi class="text">{session.organization.name}</bdi>
              <span class="muted">{type === 'share' ? 'Shared with you' : session.client.name}</span>
            </p>
            <button type="button" class="button" onClick={onLeave}>
              {type === 'share' ? 'Close' : 'Sign out'}
            </button>
          </div>
        </nav>
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}
