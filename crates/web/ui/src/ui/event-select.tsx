import { ask } from '../api/client';
import { useQuestion } from '../api/use-question';
import { useProject } from './context';

/** The names of events, the most frequent first. */
export function useEventNames(): string[] {
  const project = useProject();
  return (useQuestion(ask('/insights/{projectId}/events/names', { projectId: project.id })).data as string[] | undefined) ?? [];
}

export function EventSelect({
  label,
  value,
  names,
  onChange,
  any,
  none,
}: {
  label: string;
  value: string;
  names: string[];
  onChange: (name: string) => void;
  any?: string;
  none?: string;
}) {
  const known = value === '' || value === '*' || names.includes(value);
  return (
    <select class="event-select" aria-label={label} value={value} onChange={event => onChange(event.currentTarget.value)}>
      {none && <option value="">{none}</option>}
      {any && <option value="*">{any}</option>}
      {!known && <option value={value}>{value}</option>}
      {names.map(name => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}
