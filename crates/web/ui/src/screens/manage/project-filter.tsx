import { currentRoute, here, navigate } from '../../lib/route';
import { useSession } from '../../ui/context';

/** The project that the address names, if it is one. */
export function useChosenProject(): string | null {
  const { session } = useSession();
  const named = currentRoute().query.get('project');
  return session.projects.some(one => one.id === named) ? named : null;
}

export function ProjectFilter({ all, value }: { all?: string; value: string | null }) {
  const { session } = useSession();
  return (
    <select
      aria-label="Project of the list"
      value={value ?? ''}
      onChange={event => navigate(here({ project: event.currentTarget.value || null, cursor: null }))}
    >
      {all && <option value="">{all}</option>}
      {session.projects.map(one => (
        <option key={one.id} value={one.id}>
          {one.name}
        </option>
      ))}
    </select>
  );
}
